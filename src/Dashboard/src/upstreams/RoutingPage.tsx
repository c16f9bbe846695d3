import { Button, Group, Skeleton } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { DocumentForm } from '../forms/DocumentForm';
import { ChoiceField, NumberField, SwitchField, TextField } from '../forms/fields';
import { PairsField } from '../forms/PairsField';
import { Section } from '../forms/Section';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { OriginBadge } from '../values/OriginBadge';
import { StrategiesField, strategies } from './StrategiesField';
import { upstreamTexts } from './texts';
import type { Routing } from './types';
import { UpstreamTabs } from './UpstreamTabs';

const path = '/api/routing';

/** How requests are spread over the upstreams, and what model names mean. */
export function RoutingPage() {
  const t = useTexts(upstreamTexts);
  const [round, setRound] = useState(0);
  const { data, error, refetch } = useApi<Routing>(path);
  const reload = () => void refetch().then(() => setRound((current) => current + 1));
  return (
    <Page title={t('upstreams')}>
      <UpstreamTabs value="routing" />
      {error && !data && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton h={400} />}
      {data && (
        <>
          <Origin routing={data} reload={reload} />
          <RoutingForm key={round} routing={data} reload={reload} />
        </>
      )}
    </Page>
  );
}

function Origin({ routing, reload }: { routing: Routing; reload: () => void }) {
  const t = useTexts(upstreamTexts);
  const { isAdmin } = useSession();
  const [asks, setAsks] = useState(false);
  const back = useMutation({
    mutationFn: (reason: string | undefined) => api.put(path, { loadBalancer: null, openai: null, reason }, routing.version),
    onSuccess: () => {
      setAsks(false);
      reload();
    },
  });
  return (
    <Group gap="xs">
      <span>{t('origin')}</span>
      <OriginBadge origin={routing.origin} file="upstreams.json, server.json" />
      {isAdmin && routing.origin === 'operator' && (
        <Button size="compact-sm" variant="default" onClick={() => setAsks(true)}>
          {t('backToFiles')}
        </Button>
      )}
      <ConfirmDialog
        opened={asks}
        title={t('backTitle')}
        confirm={t('backToFiles')}
        isDangerous
        asksReason
        busy={back.isPending}
        error={back.error}
        onConfirm={(reason) => back.mutate(reason)}
        onClose={() => setAsks(false)}
      >
        {t('backText')}
      </ConfirmDialog>
    </Group>
  );
}

function RoutingForm({ routing, reload }: { routing: Routing; reload: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [opened] = useState(routing);
  const [initial] = useState({ loadBalancer: routing.loadBalancer, openai: routing.openai });
  return (
    <DocumentForm
      initial={initial}
      submit={async (document, reason) => {
        await api.put(path, { ...document, reason }, opened.version);
        await queries.invalidateQueries({ queryKey: [path] });
      }}
      done={reload}
      cancel={() => void navigate('/upstreams')}
      reload={reload}
    >
      <RoutingFields />
    </DocumentForm>
  );
}

function RoutingFields() {
  const t = useTexts(upstreamTexts);
  const say = useTexts(words);
  return (
    <>
      <Section title={t('spread')}>
        <ChoiceField path="loadBalancer.strategy" label={t('strategy')} options={strategies.map((strategy) => ({ value: strategy, label: strategy }))} />
        <NumberField path="loadBalancer.maxAttempts" label={t('maxAttempts')} placeholder="3" />
        <StrategiesField path="loadBalancer.models" label={t('strategyModels')} nameLabel={t('pattern')} />
        <StrategiesField path="loadBalancer.groups" label={t('strategyGroups')} nameLabel={t('group')} />
        <NumberField path="loadBalancer.backoffMs" label={t('backoffMs')} />
        <NumberField path="loadBalancer.hedgeAfterMs" label={t('hedgeAfterMs')} description={t('never0')} />
        <SwitchField path="loadBalancer.failoverEnabled" label={t('failover')} isOnByDefault />
        <SwitchField path="loadBalancer.healthCheckEnabled" label={t('healthChecks')} isOnByDefault />
        <SwitchField path="loadBalancer.stickySessions" label={t('sticky')} description={t('stickyHint')} isOnByDefault />
        <NumberField path="loadBalancer.sessionTtlSeconds" label={t('sessionTtl')} placeholder="300" />
        <ChoiceField
          path="loadBalancer.stickyReturn"
          label={t('stickyReturn')}
          options={[
            { value: 'never', label: t('neverReturn') },
            { value: 'when_idle', label: t('whenIdle') },
          ]}
        />
      </Section>
      <Section title={t('openaiModels')}>
        <SwitchField path="openai.enabled" label={t('openaiEnabled')} isOnByDefault />
        <TextField path="openai.defaultModel" label={t('defaultModel')} />
        <PairsField path="openai.models" label={t('openaiModels')} nameLabel={t('asked')} valueLabel={say('model')} />
      </Section>
    </>
  );
}
