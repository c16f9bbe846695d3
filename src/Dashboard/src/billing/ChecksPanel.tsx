import { Button, Group, NativeSelect, Paper, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core';
import { useState } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { JobView } from './JobView';
import { billingTexts } from './texts';
import { useStartJob } from './useJob';

/** Whether the bill is right, and making the read models again. */
export function ChecksPanel() {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <Verify />
      <Rebuild />
    </SimpleGrid>
  );
}

function Verify() {
  const t = useTexts(billingTexts);
  const { isAdmin } = useSession();
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const { start, job } = useStartJob('verify');
  return (
    <Paper withBorder p="md" radius="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate({ from: from || undefined, to: to || undefined });
        }}
      >
        <Stack>
          <Title order={2} size="h4">
            {t('verifyTitle')}
          </Title>
          <Text size="sm">{t('verifyText')}</Text>
          <Group align="flex-end">
            <TextInput type="date" label={t('fromDay')} value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
            <TextInput type="date" label={t('toDay')} value={to} onChange={(event) => setTo(event.currentTarget.value)} />
            <Button type="submit" disabled={!isAdmin || job?.state === 'running'} loading={start.isPending}>
              {t('verify')}
            </Button>
          </Group>
          {start.error && <ProblemAlert error={start.error} />}
          {job && <JobView job={job} />}
        </Stack>
      </form>
    </Paper>
  );
}

function Rebuild() {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const [projection, setProjection] = useState('');
  const { data } = useApi<{ projections: { name: string }[] }>('/api/projections');
  const { start, job } = useStartJob('rebuild');
  const names = (data?.projections ?? []).map((known) => known.name);
  return (
    <Paper withBorder p="md" radius="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate({ projection: projection || undefined });
        }}
      >
        <Stack>
          <Title order={2} size="h4">
            {t('rebuildTitle')}
          </Title>
          <Text size="sm">{t('rebuildText')}</Text>
          <Group align="flex-end">
            <NativeSelect label={t('projection')} title={t('projectionHint')} data={[{ value: '', label: say('all') }, ...names]} value={projection} onChange={(event) => setProjection(event.currentTarget.value)} />
            <Button type="submit" disabled={!isAdmin || job?.state === 'running'} loading={start.isPending}>
              {t('rebuild')}
            </Button>
          </Group>
          {start.error && <ProblemAlert error={start.error} />}
          {job && <JobView job={job} />}
        </Stack>
      </form>
    </Paper>
  );
}
