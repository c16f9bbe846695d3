import { Button, Drawer, Group, Switch } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { Link } from 'react-router';
import { csvAddressOf } from '../api/client';
import { useLiveRequests, usePolling } from '../api/live';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { RequestRow } from '../api/types';
import { FilterBar, type Filter } from '../filters/FilterBar';
import { PeriodPicker } from '../filters/PeriodPicker';
import { periodOf } from '../filters/periods';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import type { Sort } from '../table/VirtualTable';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { useNow } from '../values/TimeText';
import { RequestsTable } from './RequestsTable';
import { RequestView } from './RequestView';
import { requestTexts } from './texts';

const filterNames = ['q', 'tenant', 'key', 'model', 'upstream', 'session', 'outcome', 'state', 'status', 'minUsd'] as const;
const addressNames = [...filterNames, 'period', 'from', 'to', 'sort', 'order', 'open'] as const;
const outcomes = ['Succeeded', 'Failed', 'ClientAborted', 'UpstreamTruncated', 'Interrupted'] as const;
const states = ['Known', 'KnownZero', 'Estimated', 'Unknown'] as const;

/** A burst of requests is one question to the gateway, not a hundred. */
const refreshAfterMs = 2_000;

/** Every request, and why it cost what it cost. */
export default function RequestsPage() {
  const nav = useTexts(shellTexts);
  const t = useTexts(requestTexts);
  const say = useTexts(words);
  const [filters, change] = useFilters(addressNames);
  const [isLive, setLive] = useState(true);
  const now = useNow(60);
  const sort: Sort = { by: filters.sort ?? 'time', order: filters.order === 'asc' ? 'asc' : 'desc' };
  const query = { ...Object.fromEntries(filterNames.map((name) => [name, filters[name]])), ...periodOf(filters, now, '24h'), sort: sort.by, order: sort.order };
  const polling = usePolling(5_000);
  const requests = useApiList<RequestRow>('/api/requests', query, { refetchInterval: isLive ? polling : undefined });
  const fresh = useFreshRequests(isLive);

  return (
    <Page title={nav('requests')} actions={<Switch label={say('live')} checked={isLive} onChange={(event) => setLive(event.currentTarget.checked)} />}>
      <FilterBar filters={useRequestFilters()} values={filters} change={change}>
        <PeriodPicker filters={filters} change={change} preset="24h" />
      </FilterBar>
      {requests.error ? (
        <ProblemAlert error={requests.error} retry={() => void requests.refetch()} />
      ) : (
        <RequestsTable
          label={nav('requests')}
          rows={requests.rows}
          isFetching={requests.isLoading || requests.isFetchingNextPage}
          hasNextPage={requests.hasNextPage}
          fetchNextPage={requests.fetchNextPage}
          onOpen={(row) => change({ open: row.id })}
          sort={sort}
          onSort={({ by, order }) => change({ sort: by, order })}
          csvAddress={csvAddressOf('/api/requests', query)}
          isFresh={(row) => fresh.has(row.id)}
          empty={<EmptyState title={t('empty')}>{t('emptyText')}</EmptyState>}
        />
      )}
      <Drawer opened={filters.open !== undefined} onClose={() => change({ open: undefined })} position="right" size="xl" title={t('requestTitle')}>
        {filters.open && (
          <>
            <Group justify="flex-end" mb="sm">
              <Button component={Link} to={`/requests/${filters.open}`} size="compact-sm" variant="light">
                {t('open')}
              </Button>
            </Group>
            <RequestView path={`/api/requests/${filters.open}`} />
          </>
        )}
      </Drawer>
    </Page>
  );
}

function useRequestFilters(): Filter<(typeof filterNames)[number]>[] {
  const t = useTexts(requestTexts);
  const say = useTexts(words);
  return [
    { name: 'q', label: t('search'), width: 170 },
    { name: 'tenant', label: say('tenant'), width: 120 },
    { name: 'key', label: say('key'), width: 120 },
    { name: 'model', label: say('model') },
    { name: 'upstream', label: say('upstream'), width: 120 },
    { name: 'session', label: say('session'), width: 120 },
    { name: 'outcome', label: say('outcome'), options: outcomes.map((value) => ({ value, label: t(value) })) },
    { name: 'state', label: t('usageState'), options: states.map((value) => ({ value, label: t(value) })), width: 130 },
    { name: 'status', label: say('status'), width: 90 },
    { name: 'minUsd', label: t('minUsd'), width: 100 },
  ];
}

/** The ids of what has just come. The gateway knows what matches the filters, so that the list is asked for again rather than added to. */
function useFreshRequests(isLive: boolean): ReadonlySet<string> {
  const queries = useQueryClient();
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const [refresh] = useState(() => throttled(() => void queries.invalidateQueries({ queryKey: ['/api/requests'] }), refreshAfterMs));
  useLiveRequests(
    useCallback(
      (rows) => {
        if (isLive) {
          setFresh(new Set(rows.map((row) => row.id)));
          refresh();
        }
      },
      [isLive, refresh],
    ),
  );
  return fresh;
}

function throttled(action: () => void, everyMs: number) {
  let waiting: number | undefined;
  return () => {
    waiting ??= window.setTimeout(() => {
      waiting = undefined;
      action();
    }, everyMs);
  };
}
