import { Alert, Button, Group, Modal, Stack } from '@mantine/core';
import type { IssuedKey } from '../api/types';
import { clientsFor } from '../setup/clients';
import { useTexts } from '../text/language';
import { CopyBlock } from '../values/CopyBlock';
import { keyTexts } from './texts';

const setUpClaudeCode = (key: string) =>
  clientsFor({ url: window.location.origin, key, model: 'claude-sonnet-4-5' }).find((client) => client.id === 'claude-code')?.snippets[0]?.text ?? '';

/** Shows a secret the one time it can be shown, ready to be used. It is closed by its button alone: a slip of the mouse must not lose it. */
export function SecretDialog({ issued, onClose }: { issued: IssuedKey | undefined; onClose: () => void }) {
  const t = useTexts(keyTexts);
  return (
    <Modal opened={issued !== undefined} onClose={onClose} title={t('issued')} size="lg" centered closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
      {issued && (
        <Stack>
          <Alert color="orange">{t('shownOnce')}</Alert>
          <CopyBlock title={t('secret')} text={issued.secret} />
          <CopyBlock title={t('setup')} text={setUpClaudeCode(issued.secret)} />
          <Group justify="flex-end">
            <Button onClick={onClose} data-autofocus>
              {t('done')}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
