import { Code, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { csvAddressOf } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { AuditRow } from '../api/types';
import { FilterBar } from '../filters/FilterBar';
import { PeriodPicker } from '../filters/PeriodPicker';
import { periodOf } from '../filters/periods';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { VirtualTable } from '../table/VirtualTable';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { CopyBlock } from '../values/CopyBlock';
import { EmptyState } from '../values/EmptyState';
import { TimeText, useNow } from '../values/TimeText';
import { auditTexts } from './texts';

/** What operators changed: who, when, and why. */
export default function AuditPage() {
  const t = useTexts(auditTexts);
  const say = useTexts(words);
  const titles = useTexts(shellTexts);
  const now = useNow(300);
  const [opened, setOpened] = useState<AuditRow>();
  const [filters, change] = useFilters(['type', 'by', 'subject', 'period', 'from', 'to']);
  const query = { type: filters.type, by: filters.by, subject: filters.subject, ...periodOf(filters, now, '90d') };
  const list = useApiList<AuditRow>('/api/audit', { ...query, limit: 100 });
  return (
    <Page title={titles('audit')}>
      <FilterBar
        filters={[
          { name: 'type', label: t('type') },
          { name: 'by', label: t('by') },
          { name: 'subject', label: t('subject') },
        ]}
        values={filters}
        change={change}
      >
        <PeriodPicker filters={filters} change={change} preset="90d" />
      </FilterBar>
      {list.error && <ProblemAlert error={list.error} retry={() => void list.refetch()} />}
      {!(list.error && list.rows.length === 0) && (
        <VirtualTable
          label={titles('audit')}
          rows={list.rows}
          idOf={(row) => String(row.position)}
          onOpen={setOpened}
          hasNextPage={list.hasNextPage}
          isFetching={list.isFetching}
          fetchNextPage={list.fetchNextPage}
          csvAddress={csvAddressOf('/api/audit', query)}
          empty={<EmptyState title={t('none')} />}
          columns={[
            { id: 'time', header: say('time'), width: 215, cell: (row) => <TimeText at={row.at} /> },
            { id: 'by', header: t('by'), width: 130, cell: (row) => row.by },
            { id: 'type', header: t('type'), width: 190, cell: (row) => row.type },
            { id: 'change', header: t('change'), width: 110, cell: (row) => row.change },
            { id: 'subject', header: t('subject'), width: 180, cell: (row) => row.subject },
            { id: 'reason', header: say('reason'), width: 240, cell: (row) => <span title={row.reason}>{row.reason ?? '–'}</span> },
            { id: 'position', header: t('position'), width: 90, isNumber: true, cell: (row) => row.position },
          ]}
        />
      )}
      <Modal opened={opened !== undefined} onClose={() => setOpened(undefined)} title={t('details', { position: opened?.position ?? '' })} size="xl">
        {opened && (
          <Stack>
            <Group gap="xs">
              <TimeText at={opened.at} />
              <span>{opened.by}</span>
              <Code>{opened.type}</Code>
              <Code>{opened.change}</Code>
              <span>{opened.subject}</span>
            </Group>
            {opened.reason && <Text size="sm">{opened.reason}</Text>}
            <CopyBlock title="JSON" text={JSON.stringify(opened.data, null, 2)} />
          </Stack>
        )}
      </Modal>
    </Page>
  );
}
