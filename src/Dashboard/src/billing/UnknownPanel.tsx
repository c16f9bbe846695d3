import { Anchor, Button, Fieldset, Group, SimpleGrid, Stack, Switch, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { DialogForm } from '../forms/DialogForm';
import { AreaField, NumberField } from '../forms/fields';
import { useSession } from '../shell/session';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { TimeText } from '../values/TimeText';
import { billingTexts } from './texts';
import type { UnknownItem, UnknownReport } from './types';

const path = '/api/billing/unknown';

/** Requests of which nobody said what they cost, and saying it. */
export function UnknownPanel() {
  const t = useTexts(billingTexts);
  const formats = useFormats();
  const [all, setAll] = useState(false);
  const [settled, setSettled] = useState<UnknownItem>();
  const { data, error, isLoading, refetch } = useApi<UnknownReport>(path, { all: all || undefined }, { refetchInterval: 15_000 });
  const columns = useUnknownColumns(setSettled);
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm">{data && data.count > 0 && t('unknownText', { count: formats.number(data.count), usd: formats.money(data.heldUsd) })}</Text>
        <Switch label={t('withSettled')} checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
      </Group>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!(error && !data) && (
        <VirtualTable label={t('unknown')} rows={data?.items ?? []} idOf={(item) => item.requestId} isFetching={isLoading} empty={<EmptyState title={t('unknownNone')} />} columns={columns} />
      )}
      <SettleDialog item={settled} onClose={() => setSettled(undefined)} />
    </Stack>
  );
}

function useUnknownColumns(settle: (item: UnknownItem) => void): Column<UnknownItem>[] {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  return [
    {
      id: 'request',
      header: t('request'),
      width: 190,
      cell: (item) => (
        <Anchor component={Link} to={`/requests/${item.requestId}`} size="sm">
          <TimeText at={item.admittedAt} />
        </Anchor>
      ),
    },
    { id: 'tenant', header: say('tenant'), width: 110, cell: (item) => item.tenant },
    { id: 'key', header: say('key'), width: 100, cell: (item) => item.key },
    { id: 'upstream', header: say('upstream'), width: 110, cell: (item) => item.upstream },
    { id: 'model', header: say('model'), width: 160, cell: (item) => item.model },
    { id: 'why', header: t('why'), width: 220, cell: (item) => <span title={item.why}>{item.why}</span> },
    { id: 'held', header: say('held'), width: 100, isNumber: true, cell: (item) => <MoneyText usd={item.heldUsd} /> },
    {
      id: 'settle',
      header: t('settle'),
      width: 190,
      cell: (item) =>
        item.settledAt ? (
          <TimeText at={item.settledAt} />
        ) : (
          isAdmin && (
            <Button size="compact-xs" variant="default" onClick={() => settle(item)}>
              {t('settle')}
            </Button>
          )
        ),
    },
  ];
}

function SettleDialog({ item, onClose }: { item: UnknownItem | undefined; onClose: () => void }) {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const notices = useNotices();
  const queries = useQueryClient();
  return (
    <DialogForm
      opened={item !== undefined}
      title={t('settleTitle')}
      initial={{}}
      confirm={t('settle')}
      submit={(document) => api.post<{ warning?: string }>('/api/billing/adjustments', { ...document, tokens: tokensOf(document.tokens), requestId: item?.requestId, kind: 'settlement' })}
      done={({ warning }) => {
        notices.done(warning ? t('settledWith', { warning }) : t('settled'));
        void queries.invalidateQueries({ queryKey: [path] });
        onClose();
      }}
      onClose={onClose}
    >
      <Text size="sm">
        {item?.tenant} · {item?.model} · {item?.why}
      </Text>
      <Text size="sm">{t('settleText')}</Text>
      <NumberField path="usd" label={t('owes')} />
      <Fieldset legend={t('orTokens')} radius="md">
        <SimpleGrid cols={{ base: 2, sm: 3 }}>
          <NumberField path="tokens.input" label={say('inputTokens')} />
          <NumberField path="tokens.output" label={say('outputTokens')} />
          <NumberField path="tokens.cacheRead" label={say('cacheReadTokens')} />
          <NumberField path="tokens.cacheWrite5m" label={`${say('cacheWriteTokens')} 5m`} />
          <NumberField path="tokens.cacheWrite1h" label={`${say('cacheWriteTokens')} 1h`} />
        </SimpleGrid>
      </Fieldset>
      <AreaField path="reason" label={say('reason')} required />
    </DialogForm>
  );
}

/** Tokens are given whole: what was left empty is none. */
const tokensOf = (tokens: unknown) => (typeof tokens === 'object' && tokens !== null ? { input: 0, output: 0, ...tokens } : undefined);
