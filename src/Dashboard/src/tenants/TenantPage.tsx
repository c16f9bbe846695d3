import { Anchor, Badge, Button, Group, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { addressOf, api } from '../api/client';
import { useNotices } from '../api/notices';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { Page as Listed, Quota, Tenant, TenantDetail } from '../api/types';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { IssueKeyButton } from '../keys/IssueKeyButton';
import { KeyTable } from '../keys/KeyTable';
import { keyTexts } from '../keys/texts';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { LimitBar } from '../values/LimitBar';
import { OriginBadge } from '../values/OriginBadge';
import { TimeText } from '../values/TimeText';
import { Extensions } from './Extensions';
import { tenantLink } from './links';
import { TenantState } from './TenantState';
import { TenantRequests, TenantUsage } from './TenantUsage';
import { tenantTexts } from './texts';

/** One tenant: what it may, what it used, and its keys. */
export function TenantPage({ id }: { id: string }) {
  const keys = useTexts(keyTexts);
  const { data: tenant, error, isFetching, refetch } = useApi<TenantDetail>(`/api/tenants/${encodeURIComponent(id)}`);
  return (
    <Page title={tenant?.name ?? id} subtitle={tenant && <Facts tenant={tenant} />} actions={tenant && <Actions tenant={tenant} />}>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!tenant && !error && <Skeleton h={300} />}
      {tenant && (
        <>
          {tenant.note && <Text size="sm">{tenant.note}</Text>}
          <Limits tenant={tenant} />
          <Group justify="space-between">
            <Title order={2} size="h4">
              {keys('keys')}
            </Title>
            <IssueKeyButton tenant={id} />
          </Group>
          <KeyTable rows={tenant.keys} isFetching={isFetching && tenant.keys.length === 0} />
          <TenantUsage tenant={id} />
          <TenantRequests tenant={id} />
          <Children id={id} />
        </>
      )}
    </Page>
  );
}

function Facts({ tenant }: { tenant: TenantDetail }) {
  const t = useTexts(tenantTexts);
  return (
    <Group gap="xs">
      <span>{tenant.id}</span>
      <TenantState tenant={tenant} />
      <OriginBadge origin={tenant.origin} file="tenants.json" />
      {tenant.parent && (
        <span>
          {t('parent')}:{' '}
          <Anchor component={Link} to={tenantLink(tenant.parent)} size="sm" underline="always">
            {tenant.parent}
          </Anchor>
        </span>
      )}
      <span>
        {t('timezone')}: {tenant.timezone}
      </span>
      {(tenant.groups ?? []).map((group) => (
        <Badge key={group} size="sm" variant="default" tt="none">
          {group}
        </Badge>
      ))}
      {tenant.expiresAt && (
        <span>
          {t('expiresAt')}: <TimeText at={tenant.expiresAt} />
        </span>
      )}
    </Group>
  );
}

function Actions({ tenant }: { tenant: TenantDetail }) {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const navigate = useNavigate();
  const notices = useNotices();
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const path = `/api/tenants/${encodeURIComponent(tenant.id)}`;
  const remove = useMutation({
    mutationFn: (reason: string | undefined) => api.del(path, { reason }, tenant.version),
    onSuccess: async () => {
      notices.done(t('removed'));
      await navigate('/tenants');
      queries.removeQueries({ queryKey: [path] });
      void queries.invalidateQueries({ queryKey: ['/api/tenants'] });
    },
  });
  if (!isAdmin) {
    return null;
  }

  return (
    <>
      {tenant.origin === 'operator' && (
        <>
          <Button component={Link} to={`${tenantLink(tenant.id)}/edit`}>
            {t('edit')}
          </Button>
          <Button variant="default" color="red" onClick={() => setAsks(true)}>
            {say('remove')}
          </Button>
        </>
      )}
      <ConfirmDialog
        opened={asks}
        title={t('remove', { id: tenant.id })}
        confirm={say('remove')}
        isDangerous
        asksReason
        busy={remove.isPending}
        error={remove.error}
        onConfirm={(reason) => remove.mutate(reason)}
        onClose={() => {
          remove.reset();
          setAsks(false);
        }}
      >
        {t('removeText')}
      </ConfirmDialog>
    </>
  );
}

function Limits({ tenant }: { tenant: TenantDetail }) {
  const t = useTexts(tenantTexts);
  const { data, error, refetch } = useApi<{ quotas: Quota[] }>('/api/quotas', { tenant: tenant.id }, { refetchInterval: 15_000 });
  return (
    <Paper withBorder p="md" radius="md">
      <Stack>
        <Title order={2} size="h4">
          {t('limits')}
        </Title>
        {error && <ProblemAlert error={error} retry={() => void refetch()} />}
        {data?.quotas.length === 0 && <Text size="sm">{t('noLimits')}</Text>}
        {data?.quotas.map((quota) => (
          <LimitBar key={`${quota.tenant}/${quota.key}/${quota.limit}`} quota={quota} tenant={tenant.id} />
        ))}
        <Rates limits={tenant.limits ?? {}} />
        <Extensions tenant={tenant.id} limits={tenant.limits ?? {}} />
      </Stack>
    </Paper>
  );
}

const rates = ['requestsPerMinute', 'tokensPerMinute', 'concurrentRequests', 'concurrentSessions'] as const;

function Rates({ limits }: { limits: Record<string, unknown> }) {
  const t = useTexts(tenantTexts);
  const set = rates.filter((rate) => typeof limits[rate] === 'number');
  return (
    set.length > 0 && (
      <Text size="sm" c="dimmed">
        {set.map((rate) => `${t(rate)}: ${Number(limits[rate])}`).join(' · ')}
      </Text>
    )
  );
}

function Children({ id }: { id: string }) {
  const t = useTexts(tenantTexts);
  const { isAdmin } = useSession();
  const { data } = useApi<Listed<Tenant>>('/api/tenants', { parent: id, limit: 50 });
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('children')}
        </Title>
        {isAdmin && (
          <Button component={Link} to={addressOf('/tenants/-/new', { parent: id })} size="compact-md" variant="light">
            {t('create')}
          </Button>
        )}
      </Group>
      <Group gap="sm">
        {data?.items.length === 0 && (
          <Text size="sm" c="dimmed">
            –
          </Text>
        )}
        {data?.items.map((child) => (
          <Anchor key={child.id} component={Link} to={tenantLink(child.id)} size="sm">
            {child.name}
          </Anchor>
        ))}
        {data?.next && '…'}
      </Group>
    </Stack>
  );
}
