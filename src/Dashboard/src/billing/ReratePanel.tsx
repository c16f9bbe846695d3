import { Button, FileInput, Group, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { useSession } from '../shell/session';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { JobView } from './JobView';
import { billingTexts } from './texts';
import type { RerateResult } from './types';
import { useStartJob } from './useJob';

/** What a period would have cost at other prices; the difference can be charged once it was looked at. */
export function ReratePanel() {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const { isAdmin } = useSession();
  const [file, setFile] = useState<File | null>(null);
  const [asked, setAsked] = useState({ from: '', to: '', tenant: '', model: '' });
  const [fault, setFault] = useState<Error>();
  const [confirms, setConfirms] = useState(false);
  const { start, job, forget } = useStartJob('rerate');
  // What was looked at is what is charged: another question needs another look.
  const edit = (changes: Partial<typeof asked>) => {
    setAsked({ ...asked, ...changes });
    forget();
  };
  const send = async (apply: boolean, reason?: string) => {
    try {
      setFault(undefined);
      const prices: unknown = JSON.parse((await file?.text()) ?? '');
      await start.mutateAsync({ prices, from: asked.from, to: asked.to, tenant: asked.tenant || undefined, model: asked.model || undefined, apply, reason });
      setConfirms(false);
    } catch (error) {
      setFault(error as Error);
    }
  };
  const found = job?.state === 'done' ? (job.result as RerateResult) : undefined;
  const canApply = isAdmin && found !== undefined && found.adjusted === undefined && found.requestsThatDiffer > 0;
  return (
    <Stack>
      <Text size="sm">{t('rerateText')}</Text>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send(false);
        }}
      >
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 5 }}>
          <FileInput
            label={t('book')}
            accept=".json,application/json"
            required
            value={file}
            onChange={(chosen) => {
              setFile(chosen);
              forget();
            }}
          />
          <TextInput type="date" required label={t('fromDay')} value={asked.from} onChange={(event) => edit({ from: event.currentTarget.value })} />
          <TextInput type="date" required label={t('toDay')} value={asked.to} onChange={(event) => edit({ to: event.currentTarget.value })} />
          <TextInput label={say('tenant')} value={asked.tenant} onChange={(event) => edit({ tenant: event.currentTarget.value })} />
          <TextInput label={t('modelPattern')} value={asked.model} onChange={(event) => edit({ model: event.currentTarget.value })} />
        </SimpleGrid>
        <Group mt="sm">
          <Button type="submit" disabled={!isAdmin || !file || job?.state === 'running'} loading={start.isPending}>
            {t('preview')}
          </Button>
          {canApply && (
            <Button color="red" onClick={() => setConfirms(true)}>
              {t('apply')}
            </Button>
          )}
        </Group>
      </form>
      {fault && !confirms && <ProblemAlert error={fault} />}
      {job && <JobView job={job} />}
      <ConfirmDialog
        opened={confirms}
        title={t('applyTitle')}
        confirm={t('apply')}
        isDangerous
        asksReason
        busy={start.isPending}
        error={fault}
        onConfirm={(reason) => void send(true, reason)}
        onClose={() => setConfirms(false)}
      >
        {found && t('applyText', { count: formats.number(found.requestsThatDiffer), usd: formats.exactMoney(found.total.differenceUsd) })}
      </ConfirmDialog>
    </Stack>
  );
}
