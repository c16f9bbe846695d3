import { Alert, Button, FileInput, Group, NativeSelect, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { useSession } from '../shell/session';
import { VirtualTable } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { StateBadge } from '../values/StateBadge';
import { billingTexts } from './texts';
import type { ReconciliationReport } from './types';

/** Compares what was metered with what the provider says. */
export function ReconcilePanel() {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const { data } = useApi<{ upstreams: { id: string }[] }>('/api/upstreams');
  const [file, setFile] = useState<File | null>(null);
  const [upstream, setUpstream] = useState('');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const compare = useMutation({
    mutationFn: async () => api.post<ReconciliationReport>('/api/billing/reconcile', { upstream, from: from || undefined, to: to || undefined, report: (await file?.text()) ?? '' }),
  });
  return (
    <Stack>
      <Text size="sm">{t('reconcileText')}</Text>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          compare.mutate();
        }}
      >
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
          <NativeSelect
            label={say('upstream')}
            required
            value={upstream}
            onChange={(event) => setUpstream(event.currentTarget.value)}
            data={[{ value: '', label: '' }, ...(data?.upstreams ?? []).map(({ id }) => ({ value: id, label: id }))]}
          />
          <FileInput label={t('report')} accept=".csv,.json,text/csv,application/json" required value={file} onChange={setFile} />
          <TextInput type="date" label={t('fromDay')} title={t('reportDays')} value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <TextInput type="date" label={t('toDay')} title={t('reportDays')} value={to} onChange={(event) => setTo(event.currentTarget.value)} />
        </SimpleGrid>
        <Group mt="sm">
          <Button type="submit" disabled={!isAdmin || !file || !upstream} loading={compare.isPending}>
            {t('compare')}
          </Button>
        </Group>
      </form>
      {compare.error && <ProblemAlert error={compare.error} />}
      {compare.data && <Report report={compare.data} />}
    </Stack>
  );
}

function Report({ report }: { report: ReconciliationReport }) {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const formats = useFormats();
  return (
    <Stack aria-live="polite">
      <Alert color={report.agrees ? 'teal' : 'red'} title={report.agrees ? `✓ ${t('agrees')}` : `✗ ${t('disagrees')}`}>
        {report.upstreams.join(', ')} · {report.format} · {report.from} – {report.to} · ≥ {formats.share(report.threshold)}
      </Alert>
      <Title order={2} size="h4">
        {t('days')}
      </Title>
      <VirtualTable
        label={t('days')}
        rows={report.days}
        idOf={(row) => `${row.day}/${row.metric}`}
        columns={[
          { id: 'day', header: say('day'), width: 110, cell: (row) => row.day },
          { id: 'metric', header: t('metric'), width: 150, cell: (row) => row.metric },
          { id: 'metered', header: t('metered'), width: 130, isNumber: true, cell: (row) => formats.number(row.metered) },
          { id: 'reported', header: t('reported'), width: 130, isNumber: true, cell: (row) => formats.number(row.reported) },
          { id: 'captured', header: t('captured'), width: 100, isNumber: true, cell: (row) => (row.captureRatio === undefined ? '–' : formats.share(row.captureRatio)) },
          { id: 'why', header: t('why'), width: 260, cell: (row) => (row.reason ? <StateBadge tone="bad" label={row.reason} title={row.reason} /> : <StateBadge tone="good" label={t('ok')} />) },
        ]}
      />
      {report.drift.length > 0 && (
        <>
          <Title order={2} size="h4">
            {t('drift', { count: formats.number(report.driftCount) })}
          </Title>
          <VirtualTable
            label={t('drift', { count: report.driftCount })}
            rows={report.drift}
            idOf={(row) => `${row.day}/${row.metric}/${row.model}`}
            columns={[
              { id: 'day', header: say('day'), width: 110, cell: (row) => row.day },
              { id: 'model', header: say('model'), width: 180, cell: (row) => row.model ?? '–' },
              { id: 'metric', header: t('metric'), width: 150, cell: (row) => row.metric },
              { id: 'metered', header: t('metered'), width: 130, isNumber: true, cell: (row) => formats.number(row.metered) },
              { id: 'reported', header: t('reported'), width: 130, isNumber: true, cell: (row) => formats.number(row.reported) },
              { id: 'difference', header: t('difference'), width: 130, isNumber: true, cell: (row) => formats.number(row.difference) },
            ]}
          />
        </>
      )}
    </Stack>
  );
}
