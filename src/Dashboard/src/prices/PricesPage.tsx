import { Button, Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { FilterBar } from '../filters/FilterBar';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';
import { ImportDialog } from './ImportDialog';
import { PriceDialog } from './PriceDialog';
import { PriceTable } from './PriceTable';
import { priceTexts } from './texts';
import type { PriceEntry, PriceList } from './types';
import { WithdrawDialog } from './WithdrawDialog';

const isIn = (entry: PriceEntry, wanted: string) => `${entry.provider ?? ''} ${entry.model}`.toLowerCase().includes(wanted.toLowerCase());

/** What models cost, from when on, and who says so. */
export default function PricesPage() {
  const t = useTexts(priceTexts);
  const titles = useTexts(shellTexts);
  const { isAdmin } = useSession();
  const [filters, change] = useFilters(['model', 'source', 'at']);
  const [set, setSet] = useState<PriceEntry | 'new'>();
  const [withdrawn, setWithdrawn] = useState<PriceEntry>();
  const [imports, setImports] = useState(false);
  const { data, error, isLoading, refetch } = useApi<PriceList>('/api/prices', { at: filters.at });
  const rows = (data?.prices ?? []).filter((entry) => isIn(entry, filters.model ?? '') && (!filters.source || entry.source === filters.source));
  return (
    <Page
      title={titles('prices')}
      subtitle={data && t('version', { version: data.version })}
      actions={
        isAdmin && (
          <Group gap="xs">
            <Button onClick={() => setSet('new')}>{t('set')}</Button>
            <Button variant="default" onClick={() => setImports(true)}>
              {t('import')}
            </Button>
          </Group>
        )
      }
    >
      <FilterBar
        filters={[
          { name: 'model', label: t('model'), width: 220 },
          { name: 'source', label: t('source'), options: (['shipped', 'file', 'operator'] as const).map((source) => ({ value: source, label: t(source) })) },
        ]}
        values={filters}
        change={change}
      >
        <TextInput type="date" label={t('date')} title={t('dateHint')} value={filters.at ?? ''} onChange={(event) => change({ at: event.currentTarget.value || undefined })} />
      </FilterBar>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!(error && !data) && <PriceTable rows={rows} isFetching={isLoading} onChange={setSet} onWithdraw={setWithdrawn} />}
      <PriceDialog opened={set !== undefined} entry={set === 'new' ? undefined : set} onClose={() => setSet(undefined)} />
      <WithdrawDialog entry={withdrawn} onClose={() => setWithdrawn(undefined)} />
      <ImportDialog opened={imports} onClose={() => setImports(false)} />
    </Page>
  );
}
