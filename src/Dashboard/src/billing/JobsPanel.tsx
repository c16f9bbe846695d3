import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import type { Job } from '../api/types';
import { VirtualTable } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { TimeText } from '../values/TimeText';
import { JobState, JobView } from './JobView';
import { billingTexts } from './texts';
import { useJob, useJobs } from './useJob';

const kinds = ['verify', 'rebuild', 'rerate'] as const;

/** The last jobs, whoever started them. */
export function JobsPanel() {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const { data, error, isLoading, refetch } = useJobs();
  const [opened, setOpened] = useState<string>();
  const job = useJob(opened);
  const nameOf = (kind: string) => {
    const known = kinds.find((name) => name === kind);
    return known ? t(known) : kind;
  };
  if (error && !data) {
    return <ProblemAlert error={error} retry={() => void refetch()} />;
  }

  return (
    <>
      <VirtualTable<Job>
        label={t('jobs')}
        rows={data?.items ?? []}
        idOf={(row) => row.id}
        isFetching={isLoading}
        onOpen={(row) => setOpened(row.id)}
        empty={<EmptyState title={t('noJobs')} />}
        columns={[
          { id: 'kind', header: t('kind'), width: 140, cell: (row) => nameOf(row.kind) },
          { id: 'state', header: say('state'), width: 120, cell: (row) => <JobState state={row.state} /> },
          { id: 'progress', header: t('progress'), width: 90, isNumber: true, cell: (row) => (row.progress?.total ? formats.share(row.progress.done / row.progress.total) : '–') },
          { id: 'started', header: t('started'), width: 215, cell: (row) => <TimeText at={row.startedAt} /> },
          { id: 'by', header: t('by'), width: 130, cell: (row) => row.by },
          {
            id: 'show',
            header: '',
            width: 100,
            cell: (row) => (
              <Button size="compact-xs" variant="default" onClick={() => setOpened(row.id)}>
                {t('show')}
              </Button>
            ),
          },
        ]}
      />
      <Modal opened={opened !== undefined} onClose={() => setOpened(undefined)} title={nameOf(job?.kind ?? '')} size="xl">
        {job && <JobView job={job} />}
      </Modal>
    </>
  );
}
