import { Alert, Button, Code, Group, Progress, Stack, Text } from '@mantine/core';
import { ProblemAlert } from '../api/ProblemAlert';
import type { Job } from '../api/types';
import { useSession } from '../shell/session';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { StateBadge } from '../values/StateBadge';
import { RebuildView, RerateView, VerifyView } from './results';
import { billingTexts } from './texts';
import type { RebuildResult, RerateResult, VerifyResult } from './types';
import { useCancelJob } from './useJob';

const tones = { running: 'warning', done: 'good', failed: 'bad' } as const;

export function JobState({ state }: { state: Job['state'] }) {
  const t = useTexts(billingTexts);
  return <StateBadge tone={tones[state]} label={t(state)} />;
}

/** A job as it stands: how far it is, or what it found. */
export function JobView({ job }: { job: Job }) {
  const t = useTexts(billingTexts);
  const formats = useFormats();
  const { isAdmin } = useSession();
  const cancel = useCancelJob();
  const { progress } = job;
  const share = progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
  return (
    <Stack gap="xs" aria-live="polite">
      <Group gap="xs">
        <JobState state={job.state} />
        {job.state === 'running' && isAdmin && (
          <Button size="compact-sm" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate(job.id)}>
            {t('cancelJob')}
          </Button>
        )}
      </Group>
      {cancel.error && <ProblemAlert error={cancel.error} />}
      {job.state === 'running' && (
        <div>
          <Progress.Root size="lg">
            <Progress.Section value={share * 100} animated aria-label={t('progress')} aria-valuetext={formats.share(share)} />
          </Progress.Root>
          <Text size="xs" c="dimmed">
            {progress ? `${formats.share(share)} · ${formats.number(progress.done)} / ${formats.number(progress.total)}` : '…'}
          </Text>
        </div>
      )}
      {job.error && <Alert color="red">{job.error}</Alert>}
      {job.result !== undefined && <Result job={job} />}
    </Stack>
  );
}

function Result({ job }: { job: Job }) {
  switch (job.kind) {
    case 'verify':
      return <VerifyView result={job.result as VerifyResult} />;
    case 'rebuild':
      return <RebuildView result={job.result as RebuildResult} />;
    case 'rerate':
      return <RerateView result={job.result as RerateResult} />;
    default:
      return <Code block>{JSON.stringify(job.result, null, 2)}</Code>;
  }
}
