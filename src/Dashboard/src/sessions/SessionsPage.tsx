import { Badge, Switch } from '@mantine/core';
import { useNavigate } from 'react-router';
import { csvAddressOf } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { SessionRow } from '../api/types';
import { FilterBar } from '../filters/FilterBar';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { defineTexts, useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { TimeText } from '../values/TimeText';

const sessionTexts = defineTexts({
  active: { en: 'Active', zh: '活跃' },
  onlyActive: { en: 'Only active ones', zh: '仅显示活跃' },
  began: { en: 'Began', zh: '开始' },
  last: { en: 'Last request', zh: '最近请求' },
  empty: { en: 'There are no such sessions', zh: '没有符合条件的会话' },
  emptyText: {
    en: 'A session is the conversation of one client, such as of Claude Code. It counts as active for ten minutes after a request.',
    zh: '会话是一个客户端（例如 Claude Code）的一次对话，最近十分钟内有请求即为活跃。',
  },
});

/** The conversations of clients. Whether one is active changes by itself, so that the list is asked for again whether or not something is told. */
export default function SessionsPage() {
  const nav = useTexts(shellTexts);
  const t = useTexts(sessionTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const navigate = useNavigate();
  const [filters, change] = useFilters(['tenant', 'active'] as const);
  const onlyActive = filters.active !== 'false';
  const query = { tenant: filters.tenant, active: onlyActive || undefined };
  const sessions = useApiList<SessionRow>('/api/sessions', query, { refetchInterval: 5_000 });
  const columns: Column<SessionRow>[] = [
    { id: 'id', header: say('session'), width: 170, cell: (row) => <span title={row.id}>{row.id}</span> },
    { id: 'state', header: say('state'), width: 90, cell: (row) => row.active && <Badge color="teal" variant="light" tt="none">{t('active')}</Badge> },
    { id: 'tenant', header: say('tenant'), width: 110, cell: (row) => row.tenant },
    { id: 'key', header: say('key'), width: 100, cell: (row) => row.key },
    { id: 'model', header: say('model'), width: 160, cell: (row) => row.model ?? '–' },
    { id: 'upstream', header: say('upstream'), width: 110, cell: (row) => row.upstream ?? '–' },
    { id: 'first', header: t('began'), width: 110, cell: (row) => <TimeText at={row.firstAt} relative /> },
    { id: 'last', header: t('last'), width: 110, cell: (row) => <TimeText at={row.lastAt} relative /> },
    { id: 'requests', header: say('requests'), width: 90, isNumber: true, cell: (row) => formats.number(row.requests) },
    { id: 'input', header: say('inputTokens'), width: 90, isNumber: true, cell: (row) => formats.number(row.inputTokens) },
    { id: 'cacheRead', header: say('cacheReadTokens'), width: 95, isNumber: true, cell: (row) => formats.number(row.cacheReadTokens) },
    { id: 'output', header: say('outputTokens'), width: 90, isNumber: true, cell: (row) => formats.number(row.outputTokens) },
    { id: 'spend', header: say('spend'), width: 100, isNumber: true, cell: (row) => <MoneyText usd={row.spendUsd} /> },
  ];
  return (
    <Page title={nav('sessions')} actions={<Switch label={t('onlyActive')} checked={onlyActive} onChange={(event) => change({ active: event.currentTarget.checked ? undefined : 'false' })} />}>
      <FilterBar filters={[{ name: 'tenant', label: say('tenant') }]} values={filters} change={change} />
      {sessions.error ? (
        <ProblemAlert error={sessions.error} retry={() => void sessions.refetch()} />
      ) : (
        <VirtualTable
          label={nav('sessions')}
          columns={columns}
          rows={sessions.rows}
          idOf={(row) => `${row.tenant}\n${row.id}`}
          onOpen={(row) => void navigate(`/requests?${new URLSearchParams({ session: row.id, tenant: row.tenant, period: '30d' }).toString()}`)}
          isFetching={sessions.isLoading || sessions.isFetchingNextPage}
          hasNextPage={sessions.hasNextPage}
          fetchNextPage={sessions.fetchNextPage}
          csvAddress={csvAddressOf('/api/sessions', query)}
          empty={<EmptyState title={t('empty')}>{t('emptyText')}</EmptyState>}
        />
      )}
    </Page>
  );
}
