import { Alert, Button, Group, List, Paper, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState, type ReactNode } from 'react';
import { ApiError } from '../api/client';
import { useNotices } from '../api/notices';
import { useProblemText } from '../api/ProblemAlert';
import type { Document } from '../api/types';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { readMember, writeMember } from './document';
import { FormContext } from './FormContext';
import { sortProblems, type SortedProblems } from './problems';
import { formTexts } from './texts';
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

const noProblems: SortedProblems = { members: {}, rest: [] };

/** Edits a document as the configuration files have it. The gateway checks it: what it says is shown at the member it is about. */
export function DocumentForm<Saved>({ initial, submit, done, cancel, reload, children }: DocumentFormProps<Saved>) {
  const t = useTexts(formTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const notices = useNotices();
  const textOf = useProblemText();
  const [document, setDocument] = useState(initial);
  const [reason, setReason] = useState('');
  const [problems, setProblems] = useState(noProblems);
  const fields = useRef(new Map<string, number>());
  const top = useRef<HTMLFormElement>(null);
  const isSaved = useRef(false);
  const isChanged = reason !== '' || JSON.stringify(document) !== JSON.stringify(initial);
  const guard = useUnsavedGuard(useCallback(() => isChanged && !isSaved.current, [isChanged]));

  const register = useCallback((path: string) => {
    const known = fields.current;
    known.set(path, (known.get(path) ?? 0) + 1);
    return () => {
      const left = (known.get(path) ?? 1) - 1;
      if (left > 0) {
        known.set(path, left);
      } else {
        known.delete(path);
      }
    };
  }, []);
  const set = useCallback((path: string, value: unknown) => {
    setDocument((current) => (readMember(current, path) === value ? current : writeMember(current, path, value)));
    // What was said about it was about another value.
    setProblems((current) => ({ ...current, members: Object.fromEntries(Object.entries(current.members).filter(([name]) => name !== path)) }));
  }, []);
  const access = useMemo(() => ({ document, set, replace: setDocument, errors: problems.members, register }), [document, set, problems.members, register]);

  const save = useMutation({
    mutationFn: () => submit(document, reason.trim() || undefined),
    onSuccess: (saved) => {
      isSaved.current = true;
      notices.done(t('saved'));
      done(saved);
    },
    onError: (error) => {
      setProblems(error instanceof ApiError && error.problem.errors ? sortProblems(error.problem.errors, fields.current.keys()) : { members: {}, rest: [textOf(error)] });
      // The first field that is wrong, or the text above, once they are there.
      requestAnimationFrame(() => (top.current?.querySelector<HTMLElement>('[aria-invalid="true"]') ?? top.current?.querySelector<HTMLElement>('[data-problems]'))?.focus());
    },
  });
  const isOutdated = save.error instanceof ApiError && save.error.status === 412;
  const isWrong = save.isError && !isOutdated && (problems.rest.length > 0 || Object.keys(problems.members).length > 0);
  return (
    <FormContext value={access}>
      {guard}
      <form
        ref={top}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          {!isAdmin && <Alert color="gray">{t('readOnly')}</Alert>}
          {isOutdated && (
            <Alert color="orange" role="alert" title={t('changedTitle')} tabIndex={-1} data-problems>
              <Stack gap="xs" align="flex-start">
                <Text size="sm">{t('changedText')}</Text>
                {reload && (
                  <Button
                    size="compact-sm"
                    variant="light"
                    color="orange"
                    onClick={() => {
                      isSaved.current = true;
                      reload();
                    }}
                  >
                    {t('loadAgain')}
                  </Button>
                )}
              </Stack>
            </Alert>
          )}
          {isWrong && (
            <Alert color="red" role="alert" title={t('notSaved')} tabIndex={-1} data-problems>
              {problems.rest.length === 0 && <Text size="sm">{t('seeFields')}</Text>}
              {problems.rest.length > 0 && (
                <List size="sm">
                  {problems.rest.map((text) => (
                    <List.Item key={text}>{text}</List.Item>
                  ))}
                </List>
              )}
            </Alert>
          )}
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
