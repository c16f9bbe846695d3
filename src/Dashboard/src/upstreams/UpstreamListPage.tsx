import { Anchor, Button } from '@mantine/core';
import { useMemo } from 'react';
import { Link, useNavigate } from 'react-router';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { OriginBadge } from '../values/OriginBadge';
import { upstreamLink } from './links';
import { CircuitBadge, HealthState } from './states';
import { upstreamTexts } from './texts';
import type { Upstream, UpstreamList } from './types';
import { UpstreamTabs } from './UpstreamTabs';

/** Where requests go, and how each place is. */
export function UpstreamListPage() {
  const t = useTexts(upstreamTexts);
  const navigate = useNavigate();
  const { isAdmin } = useSession();
  const { data, error, isLoading, refetch } = useApi<UpstreamList>('/api/upstreams', {}, { refetchInterval: 5_000 });
  const columns = useUpstreamColumns();
  return (
    <Page
      title={t('upstreams')}
      actions={
        isAdmin && (
          <Button component={Link} to="/upstreams/-/new">
            {t('create')}
          </Button>
        )
      }
    >
      <UpstreamTabs value="upstreams" />
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!(error && !data) && (
        <VirtualTable
          label={t('upstreams')}
          columns={columns}
          rows={data?.upstreams ?? []}
          idOf={(upstream) => upstream.id}
          onOpen={(upstream) => void navigate(upstreamLink(upstream.id))}
          isFetching={isLoading}
          empty={<EmptyState title={t('none')}>{t('noneText')}</EmptyState>}
        />
      )}
    </Page>
  );
}

function useUpstreamColumns(): Column<Upstream>[] {
  const t = useTexts(upstreamTexts);
  const say = useTexts(words);
  const formats = useFormats();
  return useMemo<Column<Upstream>[]>(
    () => [
      {
        id: 'id',
        header: t('id'),
        width: 140,
        cell: (upstream) => (
          <Anchor component={Link} to={upstreamLink(upstream.id)} size="sm">
            {upstream.id}
          </Anchor>
        ),
      },
      { id: 'name', header: say('name'), width: 150, cell: (upstream) => upstream.name },
      { id: 'kind', header: t('kind'), width: 120, cell: (upstream) => upstream.kind },
      { id: 'health', header: t('health'), width: 145, cell: (upstream) => <HealthState upstream={upstream} /> },
      { id: 'circuit', header: t('circuit'), width: 120, cell: (upstream) => <CircuitBadge circuit={upstream.circuit} /> },
      { id: 'keys', header: t('keys'), width: 80, isNumber: true, cell: (upstream) => upstream.keys && `${upstream.keys.filter((key) => key.state !== 'open').length}/${upstream.keys.length}` },
      { id: 'inFlight', header: t('inFlight'), width: 90, isNumber: true, cell: (upstream) => (upstream.maxConcurrent ? `${upstream.inFlight ?? '–'}/${upstream.maxConcurrent}` : (upstream.inFlight ?? '–')) },
      { id: 'waiting', header: t('waiting'), width: 80, isNumber: true, cell: (upstream) => upstream.waiting ?? '–' },
      { id: 'latency', header: t('latency'), width: 90, isNumber: true, cell: (upstream) => (upstream.latencyMs === undefined ? '–' : formats.duration(upstream.latencyMs)) },
      { id: 'today', header: t('today'), width: 100, isNumber: true, cell: (upstream) => <MoneyText usd={upstream.spendTodayUsd} /> },
      { id: 'weight', header: t('weight'), width: 80, isNumber: true, cell: (upstream) => upstream.weight },
      { id: 'priority', header: t('priority'), width: 80, isNumber: true, cell: (upstream) => upstream.priority },
      { id: 'origin', header: t('origin'), width: 130, cell: (upstream) => <OriginBadge origin={upstream.origin} file="upstreams.json" /> },
    ],
    [t, say, formats],
  );
}
