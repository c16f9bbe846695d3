import { Alert, Button, Group, Modal, Stack, type MantineSize } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import type { Document } from '../api/types';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { FormContext } from './FormContext';
import { ProblemList } from './ProblemList';
import { formTexts } from './texts';
import { focusProblem, useDocument } from './useDocument';

interface DialogFormProps<Saved> {
  opened: boolean;
  title: string;
  size?: MantineSize;
  initial: Document;
  /** The verb on the button. */
  confirm?: string;
  isDangerous?: boolean;
  submit: (document: Document) => Promise<Saved>;
  done: (saved: Saved) => void;
  onClose: () => void;
  children: ReactNode;
}

/** A few fields in a dialog. What was typed is not lost by a slip: closing asks first. */
export function DialogForm<Saved>({ opened, title, size, onClose, ...form }: DialogFormProps<Saved>) {
  const t = useTexts(formTexts);
  const isChanged = useRef(false);
  const [asks, setAsks] = useState(false);
  const close = () => {
    setAsks(false);
    isChanged.current = false;
    onClose();
  };
  const tryToClose = () => (isChanged.current ? setAsks(true) : close());
  return (
    <>
      <Modal opened={opened} onClose={tryToClose} title={title} size={size} closeOnClickOutside={false}>
        <Fields
          {...form}
          onClose={tryToClose}
          changed={(changed) => {
            isChanged.current = changed;
          }}
          done={(saved) => {
            isChanged.current = false;
            form.done(saved);
          }}
        />
      </Modal>
      <ConfirmDialog opened={asks} title={t('unsavedTitle')} confirm={t('leave')} isDangerous onConfirm={close} onClose={() => setAsks(false)}>
        {t('unsavedText')}
      </ConfirmDialog>
    </>
  );
}

type FieldsProps<Saved> = Omit<DialogFormProps<Saved>, 'opened' | 'title' | 'size'> & { changed: (isChanged: boolean) => void };

/** Apart, because the dialog forgets its content when it closes. */
function Fields<Saved>({ initial, confirm, isDangerous, submit, done, onClose, changed, children }: FieldsProps<Saved>) {
  const t = useTexts(formTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const { access, problems, isChanged, report } = useDocument(initial);
  const form = useRef<HTMLFormElement>(null);
  const save = useMutation({
    mutationFn: () => submit(access.document),
    onSuccess: done,
    onError: (error) => {
      report(error);
      focusProblem(form.current);
    },
  });
  return (
    <FormContext value={access}>
      <form
        ref={form}
        noValidate
        onChange={() => changed(true)}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          {!isAdmin && <Alert color="gray">{t('readOnly')}</Alert>}
          {save.isError && <ProblemList problems={problems} />}
          {children}
          <Group justify="flex-end">
            <Button
              variant="default"
              onClick={() => {
                changed(isChanged);
                onClose();
              }}
            >
              {say('cancel')}
            </Button>
            <Button type="submit" color={isDangerous ? 'red' : undefined} loading={save.isPending} disabled={!isAdmin}>
              {confirm ?? say('save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </FormContext>
  );
}
