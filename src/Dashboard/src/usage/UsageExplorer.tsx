import { NativeSelect } from '@mantine/core';
import { useMemo, useState } from 'react';
import { csvAddressOf } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { UsageDimension, UsageReport, UsageRow } from '../api/types';
import { LazyChart } from '../charts/LazyChart';
import { stack } from '../charts/series';
import { chartTexts } from '../charts/texts';
import { FilterBar } from '../filters/FilterBar';
import { PeriodPicker } from '../filters/PeriodPicker';
import { periodOf } from '../filters/periods';
import { useFilters } from '../filters/useFilters';
import { VirtualTable, type Column, type Sort } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { StatTile, StatTiles } from '../values/StatTile';
import { TokensText } from '../values/TokensText';
import { useNow } from '../values/TimeText';
import { usageTexts } from './texts';

type Measure = 'spendUsd' | 'totalTokens' | 'requests';

interface UsageExplorerProps {
  /** The operator's address or the tenant's own. */
  path: string;
  dimensions: readonly UsageDimension[];
  preset: { by: UsageDimension; and?: UsageDimension };
  filterable: readonly ('tenant' | 'key' | 'model' | 'upstream')[];
}

const filterNames = ['by', 'and', 'period', 'from', 'to', 'tenant', 'key', 'model', 'upstream', 'measure'] as const;

/** Usage of any period by one or two dimensions, as a chart and as a table. */
export function UsageExplorer({ path, dimensions, preset, filterable }: UsageExplorerProps) {
  const t = useTexts(usageTexts);
  const say = useTexts(words);
  const [filters, change] = useFilters(filterNames);
  const now = useNow(60);
  const by = dimensions.find((known) => known === filters.by) ?? preset.by;
  const and = filters.and === 'none' ? undefined : (dimensions.find((known) => known === filters.and) ?? preset.and);
  const second = and === by ? undefined : and;
  const measure: Measure = (['spendUsd', 'totalTokens', 'requests'] as const).find((known) => known === filters.measure) ?? 'spendUsd';
  const query = {
    by: second ? `${by},${second}` : by,
    ...periodOf(filters, now, '7d'),
    ...Object.fromEntries(filterable.map((name) => [name, filters[name]])),
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
  const usage = useApi<UsageReport>(path, query);
  const rows = useMemo(() => usage.data?.rows ?? [], [usage.data]);
  const measures: Record<Measure, string> = { spendUsd: say('spend'), totalTokens: say('tokens'), requests: say('requests') };

  return (
    <>
      <FilterBar filters={filterable.map((name) => ({ name, label: say(name) }))} values={filters} change={change}>
        <PeriodPicker filters={filters} change={change} preset="7d" />
        <NativeSelect label={t('by')} value={by} onChange={(event) => change({ by: event.currentTarget.value })} data={dimensions.map((name) => ({ value: name, label: say(name) }))} />
        <NativeSelect
          label={t('and')}
          value={second ?? 'none'}
          onChange={(event) => change({ and: event.currentTarget.value })}
          data={[{ value: 'none', label: t('nothingElse') }, ...dimensions.filter((name) => name !== by).map((name) => ({ value: name, label: say(name) }))]}
        />
        <NativeSelect
          label={t('measure')}
          value={measure}
          onChange={(event) => change({ measure: event.currentTarget.value })}
          data={Object.entries(measures).map(([value, label]) => ({ value, label }))}
        />
      </FilterBar>
      {usage.error && <ProblemAlert error={usage.error} retry={() => void usage.refetch()} />}
      {usage.data && <Totals report={usage.data} />}
      {rows.length > 0 && <UsageChart rows={rows} by={by} second={second} measure={measure} title={measures[measure]} />}
      {!usage.error && (
        <UsageTable
          rows={rows}
          dimensions={second ? [by, second] : [by]}
          isFetching={usage.isLoading}
          csvAddress={csvAddressOf(path, query)}
          zone={usage.data && t('zone', { zone: usage.data.timezone })}
        />
      )}
    </>
  );
}

function Totals({ report: { total } }: { report: UsageReport }) {
  const say = useTexts(words);
  const formats = useFormats();
  return (
    <StatTiles>
      <StatTile label={say('spend')} value={<MoneyText usd={total.spendUsd} />} />
      <StatTile label={say('requests')} value={formats.number(total.requests)} />
      <StatTile label={say('errors')} value={formats.number(total.errors)} />
      <StatTile label={say('inputTokens')} value={<TokensText count={total.inputTokens} short />} />
      <StatTile label={say('cacheReadTokens')} value={<TokensText count={total.cacheReadTokens} short />} />
      <StatTile label={say('outputTokens')} value={<TokensText count={total.outputTokens} short />} />
    </StatTiles>
  );
}

function UsageChart({ rows, by, second, measure, title }: { rows: UsageRow[]; by: UsageDimension; second?: UsageDimension; measure: Measure; title: string }) {
  const say = useTexts(words);
  const formats = useFormats();
  const others = useTexts(chartTexts)('others');
  const { points, series } = useMemo(
    () =>
      stack(
        rows,
        (row) => row[by] ?? '–',
        (row) => (second ? (row[second] ?? '–') : title),
        (row) => row[measure],
        others,
      ),
    [rows, by, second, measure, title, others],
  );
  const isTime = by === 'day' || by === 'hour';
  // What is not in the order of time is in the order of size, and after fifty nobody reads the axis.
  const ordered = isTime ? points : [...points].sort((left, right) => sum(right) - sum(left)).slice(0, 50);
  const at = by === 'hour' ? formats.instant : (value: string) => value;
  return <LazyChart title={`${title} · ${say(by)}`} points={ordered} series={series} at={at} atLabel={say(by)} format={measure === 'spendUsd' ? formats.money : formats.short} height={280} />;
}

const sum = (point: Record<string, string | number>) => Object.values(point).reduce<number>((total, value) => total + (typeof value === 'number' ? value : 0), 0);

interface UsageTableProps {
  rows: UsageRow[];
  dimensions: UsageDimension[];
  isFetching: boolean;
  csvAddress: string;
  zone?: string;
}

function UsageTable({ rows, dimensions, isFetching, csvAddress, zone }: UsageTableProps) {
  const t = useTexts(usageTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const [sort, setSort] = useState<Sort>();
  const columns: Column<UsageRow>[] = [
    ...dimensions.map((name) => ({ id: name, header: say(name), width: 150, sortable: true, cell: (row: UsageRow) => (name === 'hour' && row.hour ? formats.instant(row.hour) : (row[name] ?? '–')) })),
    { id: 'spendUsd', header: say('spend'), width: 110, isNumber: true, sortable: true, cell: (row) => <MoneyText usd={row.spendUsd} /> },
    ...(['requests', 'errors', 'inputTokens', 'cacheReadTokens'] as const).map((name) => numberColumn(name, say(name), formats.number)),
    { id: 'cacheWrite', header: t('cacheWrite'), width: 110, isNumber: true, cell: (row) => formats.number(row.cacheWrite5mTokens + row.cacheWrite1hTokens) },
    ...(['outputTokens', 'reasoningTokens'] as const).map((name) => numberColumn(name, say(name), formats.number)),
  ];
  const sorted = useMemo(() => (sort ? [...rows].sort((left, right) => compare(left, right, sort)) : rows), [rows, sort]);
  return (
    <VirtualTable
      label={zone ?? t('by')}
      columns={columns}
      rows={sorted}
      idOf={(row) => dimensions.map((name) => row[name]).join('\n')}
      isFetching={isFetching}
      sort={sort}
      onSort={setSort}
      csvAddress={csvAddress}
      maxHeight="50vh"
      empty={<EmptyState title={t('empty')}>{t('emptyText')}</EmptyState>}
    />
  );
}

const numberColumn = (id: 'requests' | 'errors' | 'inputTokens' | 'cacheReadTokens' | 'outputTokens' | 'reasoningTokens', header: string, format: (value: number) => string): Column<UsageRow> => ({
  id,
  header,
  width: 125,
  isNumber: true,
  sortable: true,
  cell: (row) => format(row[id]),
});

function compare(left: UsageRow, right: UsageRow, { by, order }: Sort): number {
  const [first, second] = [left[by as keyof UsageRow] ?? '', right[by as keyof UsageRow] ?? ''];
  const difference = typeof first === 'number' && typeof second === 'number' ? first - second : String(first).localeCompare(String(second));
  return order === 'asc' ? difference : -difference;
}
