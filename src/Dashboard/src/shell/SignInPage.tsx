import { Alert, Box, Button, Center, Group, Paper, PasswordInput, Stack, Tabs, Text, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { matchPath, Navigate, useLocation } from 'react-router';
import { ApiError } from '../api/client';
import { useProblemText } from '../api/ProblemAlert';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { linkOf, pagesOf } from './routes';
import { useSession, type Credentials } from './session';
import { DisplayChoices } from './Shell';
import { shellTexts } from './texts';

/** Operators come with a password, tenants with a key they already have. */
export function SignInPage() {
  const t = useTexts(shellTexts);
  const { session, signIn } = useSession();
  const location = useLocation() as { state: { from?: string } | null };
  const attempt = useMutation({ mutationFn: (credentials: Credentials) => signIn(credentials) });
  useEffect(() => {
    document.title = `${t('signIn')} · CCGate`;
  }, [t]);

  if (session) {
    const pages = pagesOf(session.role);
    const [start] = pages;
    // Where somebody of another role was is nothing to come back to.
    const from = location.state?.from;
    const isOwn = from !== undefined && pages.some((page) => matchPath(`/${page.path}`, from.split('?')[0] ?? ''));
    return <Navigate to={isOwn ? from : start ? linkOf(start) : '/'} replace />;
  }

  return (
    <Center mih="100vh" p="md" component="main">
      <Box w={380} maw="100%">
        <Paper withBorder shadow="sm" p="lg" radius="md">
          <Group gap="sm" mb="md">
            <img src="/dashboard/icon.svg" width={32} height={32} alt="" />
            <Title order={1} size="h3">
              {t('signInTitle')}
            </Title>
          </Group>
          <Tabs defaultValue="operator" onChange={() => attempt.reset()} keepMounted={false}>
            <Tabs.List grow mb="md">
              <Tabs.Tab value="operator">{t('operator')}</Tabs.Tab>
              <Tabs.Tab value="tenant">{t('withKey')}</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="operator">
              <OperatorForm busy={attempt.isPending} submit={(credentials) => attempt.mutate(credentials)} />
            </Tabs.Panel>
            <Tabs.Panel value="tenant">
              <KeyForm busy={attempt.isPending} submit={(credentials) => attempt.mutate(credentials)} />
            </Tabs.Panel>
          </Tabs>
          {attempt.error && <SignInProblem error={attempt.error} withKey={attempt.variables !== undefined && 'key' in attempt.variables} />}
        </Paper>
        <Stack gap="xs" mt="md">
          <DisplayChoices />
        </Stack>
      </Box>
    </Center>
  );
}

function SignInProblem({ error, withKey }: { error: Error; withKey: boolean }) {
  const t = useTexts(shellTexts);
  const textOf = useProblemText();
  const status = error instanceof ApiError ? error.status : 0;
  const locked = error instanceof ApiError && error.retryAfter !== undefined ? error.retryAfter : undefined;
  const text = status === 401 ? t(withKey ? 'wrongKey' : 'wrongPassword') : locked === undefined ? textOf(error) : t('lockedOut', { seconds: locked });
  return (
    <Alert color="red" role="alert" mt="md">
      <Text size="sm">{text}</Text>
    </Alert>
  );
}

interface FormProps {
  busy: boolean;
  submit: (credentials: Credentials) => void;
}

function OperatorForm({ busy, submit }: FormProps) {
  const t = useTexts(shellTexts);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const send = (event: FormEvent) => {
    event.preventDefault();
    submit({ username, password });
  };
  return (
    <form onSubmit={send}>
      <Stack>
        <TextInput label={t('username')} autoComplete="username" required value={username} onChange={(event) => setUsername(event.currentTarget.value)} />
        <PasswordInput label={t('password')} autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        <Button type="submit" loading={busy}>
          {t('signIn')}
        </Button>
      </Stack>
    </form>
  );
}

function KeyForm({ busy, submit }: FormProps) {
  const t = useTexts(shellTexts);
  const say = useTexts(words);
  const [key, setKey] = useState('');
  const send = (event: FormEvent) => {
    event.preventDefault();
    submit({ key: key.trim() });
  };
  return (
    <form onSubmit={send}>
      <Stack>
        <PasswordInput label={say('key')} description={t('keyHint')} autoComplete="off" required value={key} onChange={(event) => setKey(event.currentTarget.value)} />
        <Button type="submit" loading={busy}>
          {t('signIn')}
        </Button>
      </Stack>
    </form>
  );
}
