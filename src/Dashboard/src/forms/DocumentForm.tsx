import { Alert, Button, Group, Paper, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useCallback, useRef, useState, type ReactNode } from 'react';
import { ApiError } from '../api/client';
import { useNotices } from '../api/notices';
import type { Document } from '../api/types';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { FormContext } from './FormContext';
import { ProblemList } from './ProblemList';
import { formTexts } from './texts';
import { focusProblem, useDocument } from './useDocument';
import { useUnsavedGuard } from './useUnsavedGuard';

interface DocumentFormProps<Saved> {
  /** What is edited, as it was when the form was opened. */
  initial: Document;
  submit: (document: Document, reason: string | undefined) => Promise<Saved>;
  /** After it was saved. */
  done: (saved: Saved) => void;
  cancel: () => void;
  /** After somebody else has changed what is edited: opens the form again with what is there now. */
  reload?: () => void;
  children: ReactNode;
}

/** Edits a document as the configuration files have it. The gateway checks it: what it says is shown at the member it is about. */
export function DocumentForm<Saved>({ initial, submit, done, cancel, reload, children }: DocumentFormProps<Saved>) {
  const t = useTexts(formTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const notices = useNotices();
  const { access, problems, isChanged, report } = useDocument(initial);
  const [reason, setReason] = useState('');
  const form = useRef<HTMLFormElement>(null);
  const isSaved = useRef(false);
  const isUnsaved = isChanged || reason !== '';
  const guard = useUnsavedGuard(useCallback(() => isUnsaved && !isSaved.current, [isUnsaved]));

  const save = useMutation({
    mutationFn: () => submit(access.document, reason.trim() || undefined),
    onSuccess: (saved) => {
      isSaved.current = true;
      notices.done(t('saved'));
      done(saved);
    },
    onError: (error) => {
      report(error);
      focusProblem(form.current);
    },
  });
  const isOutdated = save.error instanceof ApiError && save.error.status === 412;
  return (
    <FormContext value={access}>
      {guard}
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          {!isAdmin && <Alert color="gray">{t('readOnly')}</Alert>}
          {isOutdated && <Outdated reload={reload} />}
          {save.isError && !isOutdated && <ProblemList problems={problems} />}
          {children}
          <Paper withBorder p="sm" radius="md">
            <Group align="flex-end" justify="space-between">
              <TextInput label={say('reason')} description={t('reasonHint')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} style={{ flex: '1 1 240px' }} maxLength={1000} />
              <Group gap="xs">
                <Button variant="default" onClick={cancel}>
                  {say('cancel')}
                </Button>
                <Button type="submit" loading={save.isPending} disabled={!isAdmin}>
                  {say('save')}
                </Button>
              </Group>
            </Group>
          </Paper>
        </Stack>
      </form>
    </FormContext>
  );
}

/** Nothing was saved, because it would have undone what somebody else has changed. */
function Outdated({ reload }: { reload?: () => void }) {
  const t = useTexts(formTexts);
  return (
    <Alert color="orange" role="alert" title={t('changedTitle')} tabIndex={-1} data-problems>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t('changedText')}</Text>
        {reload && (
          <Button size="compact-sm" variant="light" color="orange" onClick={reload}>
            {t('loadAgain')}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
