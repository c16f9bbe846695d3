import { Box, NativeSelect, Progress } from '@mantine/core';
import { csvAddressOf } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { LeaderboardRow } from '../api/types';
import { FilterBar } from '../filters/FilterBar';
import { PeriodPicker } from '../filters/PeriodPicker';
import { periodOf } from '../filters/periods';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { MoneyText } from '../values/MoneyText';
import { useNow } from '../values/TimeText';
import { EmptyState } from '../values/EmptyState';
import { usageTexts } from '../usage/texts';

const filterNames = ['by', 'order', 'period', 'from', 'to'] as const;
const subjects = ['tenant', 'key', 'model', 'upstream'] as const;
const orders = ['spend', 'tokens', 'requests'] as const;

/** Who or what used the most. */
export default function LeaderboardPage() {
  const nav = useTexts(shellTexts);
  const t = useTexts(usageTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const [filters, change] = useFilters(filterNames);
  const now = useNow(60);
  const by = subjects.find((known) => known === filters.by) ?? 'tenant';
  const order = orders.find((known) => known === filters.order) ?? 'spend';
  const query = { by, order, ...periodOf(filters, now, '7d'), limit: 100 };
  const board = useApiList<LeaderboardRow>('/api/leaderboard', query);
  const columns: Column<LeaderboardRow>[] = [
    { id: 'rank', header: '#', width: 50, isNumber: true, cell: (row) => row.rank },
    { id: 'name', header: say(by), width: 220, cell: (row) => (row.name && row.name !== row.id ? `${row.name} (${row.id})` : row.id) },
    { id: 'spend', header: say('spend'), width: 120, isNumber: true, cell: (row) => <MoneyText usd={row.spendUsd} /> },
    { id: 'tokens', header: say('tokens'), width: 130, isNumber: true, cell: (row) => formats.number(row.tokens) },
    { id: 'requests', header: say('requests'), width: 100, isNumber: true, cell: (row) => formats.number(row.requests) },
    {
      id: 'share',
      header: say('share'),
      width: 180,
      cell: (row) => (
        <Box style={{ display: 'grid', gridTemplateColumns: '1fr 56px', gap: 8, alignItems: 'center' }}>
          <Progress value={row.share * 100} aria-label={`${row.name ?? row.id}: ${formats.share(row.share)}`} />
          <span>{formats.share(row.share)}</span>
        </Box>
      ),
    },
  ];
  return (
    <Page title={nav('leaderboard')}>
      <FilterBar filters={[]} values={filters} change={change}>
        <PeriodPicker filters={filters} change={change} preset="7d" />
        <NativeSelect label={t('by')} value={by} onChange={(event) => change({ by: event.currentTarget.value })} data={subjects.map((name) => ({ value: name, label: say(name) }))} />
        <NativeSelect label={t('measure')} value={order} onChange={(event) => change({ order: event.currentTarget.value })} data={orders.map((name) => ({ value: name, label: say(name) }))} />
      </FilterBar>
      {board.error ? (
        <ProblemAlert error={board.error} retry={() => void board.refetch()} />
      ) : (
        <VirtualTable
          label={nav('leaderboard')}
          columns={columns}
          rows={board.rows}
          idOf={(row) => row.id}
          isFetching={board.isFetching && !board.data}
          hasNextPage={board.hasNextPage}
          fetchNextPage={board.fetchNextPage}
          csvAddress={csvAddressOf('/api/leaderboard', query)}
          empty={<EmptyState title={t('empty')}>{t('emptyText')}</EmptyState>}
        />
      )}
    </Page>
  );
}
