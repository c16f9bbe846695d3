import { Button, FileInput, Group, Modal, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { addressOf, api } from '../api/client';
import { useNotices } from '../api/notices';
import { ProblemAlert } from '../api/ProblemAlert';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { Outcome } from './Outcome';
import { priceTexts } from './texts';
import type { PriceImportResult } from './types';

/** Takes over the prices of a file, after a look at what that would change. */
export function ImportDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const t = useTexts(priceTexts);
  return (
    <Modal opened={opened} onClose={onClose} title={t('import')} size="lg" closeOnClickOutside={false}>
      <Import onClose={onClose} />
    </Modal>
  );
}

function Import({ onClose }: { onClose: () => void }) {
  const t = useTexts(priceTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const notices = useNotices();
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [provider, setProvider] = useState('');
  const [models, setModels] = useState('');
  const [from, setFrom] = useState(() => new Date().toISOString().slice(0, 10));
  const [reason, setReason] = useState('');
  const send = useMutation({
    mutationFn: async (dryRun: boolean) => {
      const content: unknown = JSON.parse((await file?.text()) ?? '{}');
      return api.post<PriceImportResult>(addressOf('/api/prices/import', { dryRun, provider, models, from, reason: reason || file?.name }), content);
    },
    onSuccess: (result) => {
      if (!result.dryRun) {
        notices.done(t('applied'));
        void queries.invalidateQueries({ queryKey: ['/api/prices'] });
        onClose();
      }
    },
  });
  const isTrying = send.isPending && send.variables === true;
  const forget = () => send.reset();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send.mutate(true);
      }}
    >
      <Stack>
        <Text size="sm">{t('importText')}</Text>
        <FileInput
          label={t('chooseFile')}
          accept=".json,application/json"
          required
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            forget();
          }}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }} onChange={forget}>
          <TextInput label={t('onlyProvider')} description={t('onlyProviderHint')} value={provider} onChange={(event) => setProvider(event.currentTarget.value)} />
          <TextInput label={t('onlyModels')} description={t('modelHint')} value={models} onChange={(event) => setModels(event.currentTarget.value)} />
          <TextInput type="date" label={t('importFrom')} value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <TextInput label={say('reason')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
        </SimpleGrid>
        {send.error && <ProblemAlert error={send.error} />}
        {send.data && (
          <>
            <Outcome changed={send.data.imported} unchanged={send.data.unchanged} skipped={send.data.skipped} />
            {send.data.otherProviders > 0 && <Text size="sm">{t('others', { count: formats.number(send.data.otherProviders) })}</Text>}
          </>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {say('cancel')}
          </Button>
          <Button type="submit" variant={send.data ? 'default' : 'filled'} disabled={!file} loading={isTrying}>
            {t('preview')}
          </Button>
          {send.data && (
            <Button disabled={send.data.imported.length === 0} loading={send.isPending && !isTrying} onClick={() => send.mutate(false)}>
              {t('apply')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  );
}
