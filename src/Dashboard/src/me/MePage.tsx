import { Alert, Anchor, Badge, Group, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { Link, useNavigate } from 'react-router';
import { csvAddressOf } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi, useApiList } from '../api/queries';
import type { Me, RequestRow } from '../api/types';
import { RequestsTable } from '../requests/RequestsTable';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';
import { UsageExplorer } from '../usage/UsageExplorer';
import { EmptyState } from '../values/EmptyState';
import { LimitBar } from '../values/LimitBar';
import { meTexts } from './texts';

/** What a tenant may know: its limits, what it used, and why each request cost what it cost. */
export default function MePage() {
  const nav = useTexts(shellTexts);
  const t = useTexts(meTexts);
  const me = useApi<Me>('/api/me', {}, { refetchInterval: 10_000 });
  return (
    <Page title={me.data ? me.data.name || me.data.id : nav('me')} subtitle={me.data && `${t('ofKey', { key: me.data.key })} · ${t('days', { zone: me.data.timezone })}`}>
      {me.error && <ProblemAlert error={me.error} retry={() => void me.refetch()} />}
      {me.isLoading && <Skeleton h={120} />}
      {me.data && <Allowance me={me.data} />}
      <Title order={2} size="h4">
        {t('usage')}
      </Title>
      <UsageExplorer path="/api/me/usage" dimensions={['day', 'hour', 'model', 'key']} preset={{ by: 'day', and: 'model' }} filterable={['key', 'model']} />
      <Title order={2} size="h4">
        {t('recent')}
      </Title>
      <RecentRequests />
    </Page>
  );
}

function Allowance({ me }: { me: Me }) {
  const t = useTexts(meTexts);
  return (
    <>
      {!me.enabled && <Alert color="red">{t('disabled')}</Alert>}
      <Paper withBorder p="md" radius="md">
        <Stack>
          <Title order={2} size="h4">
            {t('limits')}
          </Title>
          {me.limits.length === 0 && <Text size="sm">{t('noLimits')}</Text>}
          {me.limits.map((quota) => (
            <LimitBar key={`${quota.tenant}/${quota.key}/${quota.limit}`} quota={quota} tenant={me.id} />
          ))}
        </Stack>
      </Paper>
      <Group gap="xs">
        <Text size="sm" fw={600}>
          {t('models')}:
        </Text>
        {me.models.length === 0 && <Text size="sm">{t('anyModel')}</Text>}
        {me.models.map((model) => (
          <Badge key={model} variant="default" tt="none" fw={500}>
            {model}
          </Badge>
        ))}
      </Group>
    </>
  );
}

function RecentRequests() {
  const nav = useTexts(shellTexts);
  const t = useTexts(meTexts);
  const navigate = useNavigate();
  const requests = useApiList<RequestRow>('/api/me/requests', {}, { refetchInterval: 10_000 });
  if (requests.error) {
    return <ProblemAlert error={requests.error} retry={() => void requests.refetch()} />;
  }

  return (
    <RequestsTable
      label={t('recent')}
      rows={requests.rows}
      without={['tenant', 'upstream', 'attempts']}
      onOpen={(row) => void navigate(`/me/requests/${row.id}`)}
      isFetching={requests.isLoading || requests.isFetchingNextPage}
      hasNextPage={requests.hasNextPage}
      fetchNextPage={requests.fetchNextPage}
      csvAddress={csvAddressOf('/api/me/requests')}
      maxHeight="50vh"
      empty={
        <EmptyState title={t('none')}>
          {t('noneText')}{' '}
          <Anchor component={Link} to="/setup">
            {nav('setup')}
          </Anchor>
        </EmptyState>
      }
    />
  );
}
