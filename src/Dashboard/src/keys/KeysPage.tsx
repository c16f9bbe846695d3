import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { Key } from '../api/types';
import { FilterBar } from '../filters/FilterBar';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { TenantTabs } from '../tenants/TenantTabs';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { KeyTable } from './KeyTable';
import { keyTexts } from './texts';

/** The keys of all tenants: who has the one that ends with these letters? */
export function KeysPage() {
  const t = useTexts(keyTexts);
  const say = useTexts(words);
  const titles = useTexts(shellTexts);
  const [filters, change] = useFilters(['q', 'tenant']);
  const list = useApiList<Key>('/api/keys', { ...filters, limit: 200 });
  return (
    <Page title={titles('tenants')}>
      <TenantTabs value="keys" />
      <FilterBar
        filters={[
          { name: 'q', label: say('search'), width: 240 },
          { name: 'tenant', label: say('tenant') },
        ]}
        values={filters}
        change={change}
      />
      {list.error && <ProblemAlert error={list.error} retry={() => void list.refetch()} />}
      {!(list.error && list.rows.length === 0) && (
        <KeyTable withTenant rows={list.rows} isFetching={list.isFetching} hasNextPage={list.hasNextPage} fetchNextPage={list.fetchNextPage} empty={t('noneFound')} />
      )}
    </Page>
  );
}
