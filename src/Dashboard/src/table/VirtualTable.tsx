import { Anchor, Group, Text } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { useFormats } from '../text/format';
import { tableTexts } from './texts';
import classes from './VirtualTable.module.css';

export interface Column<Row> {
  /** Also the name that `sort` knows it by. */
  id: string;
  header: string;
  /** In pixels, at least; columns share what is left over in proportion. */
  width: number;
  /** Numbers stand at the end. */
  isNumber?: boolean;
  sortable?: boolean;
  cell: (row: Row) => ReactNode;
}

export interface Sort {
  by: string;
  order: 'asc' | 'desc';
}

interface VirtualTableProps<Row> {
  /** What the table is of, for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  idOf: (row: Row) => string;
  /** Opens a row, by click or Enter. */
  onOpen?: (row: Row) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Of a list that comes in pages. */
  hasNextPage?: boolean;
  isFetching?: boolean;
  fetchNextPage?: () => unknown;
  csvAddress?: string;
  /** What there is to see in place of an empty table. */
  empty?: ReactNode;
  isFresh?: (row: Row) => boolean;
  maxHeight?: string;
}

const rowHeight = 38;
const headerHeight = 36;

/** A table of any length: only the rows in view exist. Arrow keys, Page Up and Down, Home and End move between rows, Enter opens one; it scrolls sideways where it is narrow. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, columns, rows, idOf, sort, onSort, hasNextPage, isFetching, csvAddress, empty, maxHeight = '70vh' } = props;
  const t = useTexts(tableTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const scroll = useRef<HTMLDivElement>(null);
  // The virtualizer hands out functions that change with every scroll, so that this component is not compiled for memoisation.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroll.current, estimateSize: () => rowHeight, overscan: 12, scrollPaddingStart: headerHeight });
  const shown = virtual.getVirtualItems();
  useNextPage(shown.at(-1)?.index ?? 0, props);
  const onKeyDown = useRowKeys(props, virtual, scroll);

  const template = columns.map((column) => `minmax(${column.width}px, ${column.width}fr)`).join(' ');
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  return (
    <div>
      {rows.length === 0 && !isFetching ? (
        (empty ?? <Text c="dimmed">{t('nothing')}</Text>)
      ) : (
        // A region that scrolls has to be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
        <div
          ref={scroll}
          className={classes.scroll}
          style={{ maxHeight }}
          role="table"
          aria-label={label}
          aria-rowcount={hasNextPage ? -1 : rows.length + 1}
          aria-busy={isFetching}
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <div role="rowgroup" style={{ position: 'sticky', top: 0, zIndex: 2, minWidth: width }}>
            <div role="row" aria-rowindex={1} className={classes.header} style={{ gridTemplateColumns: template, height: headerHeight }}>
              {columns.map((column) => (
                <HeaderCell key={column.id} column={column} sort={sort} onSort={onSort} />
              ))}
            </div>
          </div>
          <div role="rowgroup" style={{ position: 'relative', height: virtual.getTotalSize(), minWidth: width }}>
            {shown.map((item) => {
              const row = rows[item.index];
              return row === undefined ? null : <TableRow key={idOf(row)} row={row} index={item.index} start={item.start} template={template} table={props} />;
            })}
          </div>
        </div>
      )}
      <Group justify="space-between" mt={6}>
        <Text size="xs" c="dimmed" role="status">
          {isFetching ? say('loading') : rows.length > 0 && t(hasNextPage ? 'countAndMore' : 'count', { count: formats.number(rows.length) })}
        </Text>
        {csvAddress && rows.length > 0 && (
          <Anchor size="xs" href={csvAddress} download>
            {say('export')}
          </Anchor>
        )}
      </Group>
    </div>
  );
}

function HeaderCell<Row>({ column, sort, onSort }: { column: Column<Row>; sort?: Sort; onSort?: (sort: Sort) => void }) {
  const isSorted = sort?.by === column.id;
  const order = isSorted && sort.order === 'desc' ? 'asc' : 'desc';
  const arrow = isSorted ? (sort.order === 'desc' ? ' ↓' : ' ↑') : '';
  return (
    <div
      role="columnheader"
      aria-sort={isSorted ? (sort.order === 'desc' ? 'descending' : 'ascending') : undefined}
      className={classes.cell}
      data-end={column.isNumber || undefined}
    >
      {column.sortable && onSort ? (
        <button type="button" className={classes.sort} onClick={() => onSort({ by: column.id, order })}>
          {column.header}
          <span aria-hidden>{arrow || ' ↕'}</span>
        </button>
      ) : (
        column.header
      )}
    </div>
  );
}

interface TableRowProps<Row> {
  row: Row;
  index: number;
  start: number;
  template: string;
  table: VirtualTableProps<Row>;
}

function TableRow<Row>({ row, index, start, template, table: { columns, onOpen, isFresh } }: TableRowProps<Row>) {
  return (
    // Its keys are those of the whole table.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      data-opens={onOpen ? true : undefined}
      data-fresh={isFresh?.(row) || undefined}
      tabIndex={onOpen ? -1 : undefined}
      className={classes.row}
      style={{ gridTemplateColumns: template, height: rowHeight, transform: `translateY(${start}px)` }}
      onClick={
        onOpen &&
        ((event) => {
          // A link or button in a cell does what it says.
          if (!(event.target as HTMLElement).closest('a, button, input')) {
            onOpen(row);
          }
        })
      }
    >
      {columns.map((column) => (
        <div key={column.id} role="cell" className={classes.cell} data-end={column.isNumber || undefined}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

function useNextPage<Row>(lastShown: number, { rows, hasNextPage, isFetching, fetchNextPage }: VirtualTableProps<Row>) {
  const isNear = lastShown >= rows.length - 10;
  useEffect(() => {
    if (isNear && hasNextPage && !isFetching) {
      fetchNextPage?.();
    }
  }, [isNear, hasNextPage, isFetching, fetchNextPage]);
}

interface Scroller {
  scrollToIndex: (index: number) => void;
}

function useRowKeys<Row>({ rows, onOpen }: VirtualTableProps<Row>, virtual: Scroller, scroll: React.RefObject<HTMLDivElement | null>) {
  return (event: KeyboardEvent) => {
    const focused = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
    const at = focused ? Number(focused.dataset.index) : -1;
    const opened = rows[at];
    if (event.key === 'Enter' && opened !== undefined && event.target === focused) {
      onOpen?.(opened);
      return;
    }

    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 10, PageUp: at - 10, Home: 0, End: rows.length - 1 };
    const to = moves[event.key];
    if (to === undefined || !onOpen || rows.length === 0) {
      return;
    }

    event.preventDefault();
    const index = Math.max(0, Math.min(rows.length - 1, to));
    virtual.scrollToIndex(index);
    // The row comes into being with the next frame.
    requestAnimationFrame(() => scroll.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true }));
  };
}
