import type { ReactNode } from 'react';
import type { RequestRow } from '../api/types';
import { VirtualTable, type Column, type Sort } from '../table/VirtualTable';
import { useFormats, type Formats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { MoneyText } from '../values/MoneyText';
import { TimeText } from '../values/TimeText';
import { OutcomeText } from './OutcomeText';

interface RequestsTableProps {
  label: string;
  rows: readonly RequestRow[];
  /** Left out where all rows have the same. */
  without?: readonly string[];
  onOpen: (row: RequestRow) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  isFetching: boolean;
  hasNextPage?: boolean;
  fetchNextPage?: () => unknown;
  csvAddress?: string;
  empty?: ReactNode;
  isFresh?: (row: RequestRow) => boolean;
  maxHeight?: string;
}

/** Requests as rows, the newest first unless asked otherwise. */
export function RequestsTable({ without = [], ...table }: RequestsTableProps) {
  const say = useTexts(words);
  const formats = useFormats();
  const columns = columnsOf(say, formats).filter((column) => !without.includes(column.id));
  return <VirtualTable columns={columns} idOf={(row) => row.id} {...table} />;
}

function columnsOf(say: ReturnType<typeof useTexts<typeof words>>, formats: Formats): Column<RequestRow>[] {
  return [
    { id: 'time', header: say('time'), width: 215, sortable: true, cell: (row) => <TimeText at={row.admittedAt} /> },
    { id: 'tenant', header: say('tenant'), width: 110, cell: (row) => row.tenant },
    { id: 'key', header: say('key'), width: 100, cell: (row) => row.key },
    { id: 'model', header: say('model'), width: 170, cell: (row) => <ModelText row={row} /> },
    { id: 'upstream', header: say('upstream'), width: 110, cell: (row) => row.upstream ?? '–' },
    { id: 'outcome', header: say('outcome'), width: 190, cell: (row) => <OutcomeText outcome={row.outcome} /> },
    { id: 'status', header: say('status'), width: 65, isNumber: true, cell: (row) => row.status ?? '–' },
    { id: 'attempts', header: say('attempts'), width: 95, isNumber: true, cell: (row) => row.attempts },
    { id: 'duration', header: say('duration'), width: 105, isNumber: true, sortable: true, cell: (row) => formats.duration(row.durationMs) },
    { id: 'firstByte', header: say('firstByte'), width: 90, isNumber: true, cell: (row) => (row.firstByteMs === undefined ? '–' : formats.duration(row.firstByteMs)) },
    { id: 'input', header: say('inputTokens'), width: 85, isNumber: true, cell: (row) => formats.number(row.inputTokens) },
    { id: 'cacheRead', header: say('cacheReadTokens'), width: 95, isNumber: true, cell: (row) => formats.number(row.cacheReadTokens) },
    { id: 'output', header: say('outputTokens'), width: 85, isNumber: true, cell: (row) => formats.number(row.outputTokens) },
    { id: 'spend', header: say('spend'), width: 105, isNumber: true, sortable: true, cell: (row) => <SpendText row={row} /> },
  ];
}

function ModelText({ row }: { row: RequestRow }) {
  return <span title={row.model && row.model !== row.requestedModel ? `${row.requestedModel} → ${row.model}` : row.requestedModel}>{row.model ?? row.requestedModel}</span>;
}

/** What is still held counts too, so that a request of unknown usage does not look free. */
function SpendText({ row }: { row: RequestRow }) {
  const say = useTexts(words);
  return row.usageState === 'Unknown' ? (
    <>
      {say('held')} <MoneyText usd={row.heldUsd} />
    </>
  ) : (
    <MoneyText usd={row.spendUsd} />
  );
}
