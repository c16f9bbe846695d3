import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import { useTexts } from '../text/language';
import { words } from '../text/words';

interface ConfirmDialogProps {
  opened: boolean;
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** The verb on the button. */
  confirm: string;
  /** Asks for a reason, which goes into the audit. */
  asksReason?: boolean;
  isDangerous?: boolean;
  busy?: boolean;
  error?: Error | null;
  onConfirm: (reason: string | undefined) => void;
  onClose: () => void;
}

/** Asks before something is done that cannot be undone, or that others notice. */
export function ConfirmDialog({ opened, onClose, title, ...question }: ConfirmDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered>
      <Question {...question} onClose={onClose} />
    </Modal>
  );
}

/** Apart, so that a reason typed for one question is not there in the next: the modal forgets its content when it closes. */
function Question({ children, confirm, asksReason, isDangerous, busy, error, onConfirm, onClose }: Omit<ConfirmDialogProps, 'opened' | 'title'>) {
  const say = useTexts(words);
  const [reason, setReason] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onConfirm(reason.trim() || undefined);
      }}
    >
      <Stack>
        <Text size="sm" component="div">
          {children}
        </Text>
        {asksReason && <TextInput label={say('reason')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />}
        {error && <ProblemAlert error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {say('cancel')}
          </Button>
          <Button type="submit" color={isDangerous ? 'red' : undefined} loading={busy}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
