import { Anchor, Button, SegmentedControl } from '@mantine/core';
import { useEffect, useMemo } from 'react';
import { Link, useNavigate } from 'react-router';
import { ProblemAlert } from '../api/ProblemAlert';
import { csvAddressOf } from '../api/client';
import { useApiList } from '../api/queries';
import type { Tenant } from '../api/types';
import { FilterBar } from '../filters/FilterBar';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { shellTexts } from '../shell/texts';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { OriginBadge } from '../values/OriginBadge';
import { tenantLink } from './links';
import { TenantState } from './TenantState';
import { TenantTabs } from './TenantTabs';
import { treeOf, type TreeRow } from './tree';
import { tenantTexts } from './texts';

type Row = TreeRow<Tenant>;

/** Who may use the gateway, as a list or below their parents. */
export function TenantListPage() {
  const t = useTexts(tenantTexts);
  const titles = useTexts(shellTexts);
  const say = useTexts(words);
  const navigate = useNavigate();
  const { isAdmin } = useSession();
  const [filters, change] = useFilters(['q', 'arrange']);
  const isTree = filters.arrange === 'tree';
  const query = { q: filters.q, limit: 500 };
  const list = useApiList<Tenant>('/api/tenants', query);
  const { hasNextPage, isFetching, isError, fetchNextPage } = list;
  useEffect(() => {
    // A tree needs everybody.
    if (isTree && hasNextPage && !isFetching && !isError) {
      void fetchNextPage();
    }
  }, [isTree, hasNextPage, isFetching, isError, fetchNextPage]);
  const pages = list.data?.pages;
  const rows = useMemo<Row[]>(() => {
    const tenants = pages?.flatMap((page) => page.items) ?? [];
    return isTree ? treeOf(tenants) : tenants.map((item) => ({ item, depth: 0 }));
  }, [pages, isTree]);
  const columns = useTenantColumns();
  return (
    <Page
      title={titles('tenants')}
      actions={
        isAdmin && (
          <Button component={Link} to="/tenants/-/new">
            {t('create')}
          </Button>
        )
      }
    >
      <TenantTabs value="tenants" />
      <FilterBar filters={[{ name: 'q', label: say('search'), width: 240 }]} values={filters} change={change}>
        <SegmentedControl
          aria-label={t('arrange')}
          value={isTree ? 'tree' : 'list'}
          onChange={(value) => change({ arrange: value === 'tree' ? 'tree' : undefined })}
          data={[
            { value: 'list', label: t('asList') },
            { value: 'tree', label: t('byParent') },
          ]}
        />
      </FilterBar>
      {list.error && <ProblemAlert error={list.error} retry={() => void list.refetch()} />}
      {!(list.error && rows.length === 0) && (
        <VirtualTable
          label={t('list')}
          columns={columns}
          rows={rows}
          idOf={({ item }) => item.id}
          onOpen={({ item }) => void navigate(tenantLink(item.id))}
          hasNextPage={hasNextPage}
          isFetching={isFetching}
          fetchNextPage={fetchNextPage}
          csvAddress={csvAddressOf('/api/tenants', { q: filters.q })}
          empty={filters.q ? <EmptyState title={t('noMatch')} /> : <EmptyState title={t('none')}>{t('noneText')}</EmptyState>}
        />
      )}
    </Page>
  );
}

function useTenantColumns(): Column<Row>[] {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  return useMemo<Column<Row>[]>(
    () => [
      {
        id: 'id',
        header: t('id'),
        width: 200,
        cell: ({ item, depth }) => (
          <span style={{ paddingInlineStart: depth * 18 }}>
            {depth > 0 && <span aria-hidden>└ </span>}
            <Anchor component={Link} to={tenantLink(item.id)} size="sm">
              {item.id}
            </Anchor>
          </span>
        ),
      },
      { id: 'name', header: say('name'), width: 200, cell: ({ item }) => item.name },
      { id: 'state', header: say('state'), width: 110, cell: ({ item }) => <TenantState tenant={item} /> },
      { id: 'parent', header: t('parent'), width: 130, cell: ({ item }) => item.parent ?? '–' },
      { id: 'keys', header: t('keys'), width: 80, isNumber: true, cell: ({ item }) => item.keys },
      { id: 'limits', header: t('limits'), width: 220, cell: ({ item }) => <LimitsText limits={item.limits} /> },
      { id: 'groups', header: t('groups'), width: 130, cell: ({ item }) => (item.groups ?? []).join(', ') || '–' },
      { id: 'origin', header: t('origin'), width: 120, cell: ({ item }) => <OriginBadge origin={item.origin} file="tenants.json" /> },
    ],
    [t, say],
  );
}

const short: Record<string, string> = { fiveHours: '5h', daily: '1d', weekly: '7d', monthly: '1m', total: '∑' };

/** The amounts of the limits, in little room. */
function LimitsText({ limits = {} }: { limits?: Record<string, unknown> }) {
  const amounts = Object.entries(short).flatMap(([window, label]) => {
    const limit = limits[window] as { maxUSD?: number; maxTokens?: number; maxRequests?: number } | undefined;
    const amount = limit?.maxUSD !== undefined ? `$${limit.maxUSD}` : limit?.maxTokens !== undefined ? `${limit.maxTokens} tok` : limit?.maxRequests !== undefined ? `${limit.maxRequests} req` : '';
    return amount ? [`${label} ${amount}`] : [];
  });
  const text = amounts.join(' · ');
  return <span title={text}>{text || '–'}</span>;
}
