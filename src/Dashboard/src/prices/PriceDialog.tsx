import { Button, Fieldset, Group, SimpleGrid, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import { ProblemAlert } from '../api/ProblemAlert';
import type { Document } from '../api/types';
import { DialogForm } from '../forms/DialogForm';
import { NumberField, TextField } from '../forms/fields';
import { useForm } from '../forms/FormContext';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { Outcome } from './Outcome';
import { priceTexts } from './texts';
import { rateClasses, type PriceChangeResult, type PriceEntry } from './types';

const path = '/api/prices';

/** The one price of the form, as a change; `prices[0]` is what its problems are about. */
const changeOf = ({ prices, reason }: Document) => ({ reason, prices: [prices] });

/** Sets a price from a day on. What stands in the entry beside the rates is kept. */
export function PriceDialog({ opened, entry, onClose }: { opened: boolean; entry: PriceEntry | undefined; onClose: () => void }) {
  const t = useTexts(priceTexts);
  const notices = useNotices();
  const queries = useQueryClient();
  return (
    <DialogForm
      opened={opened}
      title={entry ? t('changeTitle', { model: entry.model }) : t('setTitle')}
      size="lg"
      initial={initialOf(entry)}
      confirm={t('apply')}
      submit={(document) => api.post<PriceChangeResult>(path, changeOf(document))}
      done={() => {
        notices.done(t('applied'));
        void queries.invalidateQueries({ queryKey: [path] });
        onClose();
      }}
      onClose={onClose}
    >
      <PriceFields isNew={!entry} />
    </DialogForm>
  );
}

function initialOf(entry: PriceEntry | undefined): Document {
  if (!entry) {
    return { prices: {} };
  }

  // Where it comes from is no part of what is set.
  return { prices: { ...entry, source: undefined, effectiveFrom: new Date().toISOString().slice(0, 10) } };
}

function PriceFields({ isNew }: { isNew: boolean }) {
  const t = useTexts(priceTexts);
  const say = useTexts(words);
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextField path="prices.model" label={t('model')} description={t('modelHint')} required disabled={!isNew} />
        <TextField path="prices.provider" label={t('provider')} />
        <TextField path="prices.effectiveFrom" type="date" label={t('from')} description={t('effectiveHint')} />
      </SimpleGrid>
      <Fieldset legend={t('rates')} radius="md">
        <SimpleGrid cols={{ base: 2, sm: 3 }}>
          {rateClasses.map((rate) => (
            <NumberField key={rate} path={`prices.perMillion.${rate}`} label={t(rate)} required />
          ))}
          <NumberField path="prices.perThousand.webSearch" label={t('webSearch')} />
        </SimpleGrid>
      </Fieldset>
      <TextField path="reason" label={say('reason')} />
      <Preview />
    </>
  );
}

function Preview() {
  const t = useTexts(priceTexts);
  const { document } = useForm();
  const [of, setOf] = useState<Document>();
  const preview = useMutation({ mutationFn: (asked: Document) => api.post<PriceChangeResult>(`${path}?dryRun=true`, changeOf(asked)), onMutate: setOf });
  const isCurrent = of === document;
  return (
    <Stack gap="xs">
      <Group>
        <Button variant="light" loading={preview.isPending} onClick={() => preview.mutate(document)}>
          {t('preview')}
        </Button>
      </Group>
      {isCurrent && preview.error && <ProblemAlert error={preview.error} />}
      {isCurrent && preview.data && <Outcome changed={preview.data.changed} unchanged={preview.data.unchanged} />}
    </Stack>
  );
}
