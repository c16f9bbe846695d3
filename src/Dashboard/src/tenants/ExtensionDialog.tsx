import { SimpleGrid, Text } from '@mantine/core';
import { api } from '../api/client';
import { DialogForm } from '../forms/DialogForm';
import { AreaField, ChoiceField, NumberField, TextField } from '../forms/fields';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { valueTexts } from '../values/texts';
import { windows } from './LimitFields';
import { tenantTexts } from './texts';

interface ExtensionDialogProps {
  opened: boolean;
  tenant: string;
  /** The windows that it has limits for. */
  limited: readonly string[];
  onGiven: () => void;
  onClose: () => void;
}

/** Lets a tenant spend more for a time. */
export function ExtensionDialog({ opened, tenant, limited, onGiven, onClose }: ExtensionDialogProps) {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  const name = useTexts(valueTexts);
  const options = windows.filter((window) => limited.includes(window));
  return (
    <DialogForm
      opened={opened}
      title={t('extend')}
      initial={{ window: options[0] }}
      confirm={t('give')}
      submit={(document) => api.post('/api/budgets/extensions', { ...document, tenant })}
      done={onGiven}
      onClose={onClose}
    >
      <Text size="sm">{options.length > 0 ? t('extendText') : t('noWindows')}</Text>
      <ChoiceField path="window" label={t('window')} options={options.map((window) => ({ value: window, label: name(window) }))} />
      <SimpleGrid cols={3}>
        <NumberField path="usd" label={t('usd')} />
        <NumberField path="tokens" label={say('tokens')} />
        <NumberField path="requests" label={say('requests')} />
      </SimpleGrid>
      <TextField path="until" type="date" label={t('extendUntil')} description={t('untilHint')} />
      <AreaField path="reason" label={say('reason')} required />
    </DialogForm>
  );
}
