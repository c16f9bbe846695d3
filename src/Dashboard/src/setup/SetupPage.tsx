import { Alert, Autocomplete, Group, NativeSelect, PasswordInput, Stack, Text } from '@mantine/core';
import { useApi } from '../api/queries';
import type { Me } from '../api/types';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';
import { CopyBlock } from '../values/CopyBlock';
import { clientsFor, type ClientSetup, type Snippet } from './clients';
import { setupTexts } from './texts';

const keyPlaceholder = 'your-ccgate-key';
const modelPlaceholder = 'claude-sonnet-4-5';

/** What to paste where, with this gateway's address and the reader's key already in it. */
export default function SetupPage() {
  const nav = useTexts(shellTexts);
  const t = useTexts(setupTexts);
  const { session, clientKey, showKey } = useSession();
  const me = useApi<Me>('/api/me', {}, { enabled: session?.role === 'tenant' });
  const [filters, change] = useFilters(['client', 'model'] as const);
  // Patterns such as claude-* are what is allowed, not what can be asked for.
  const models = (me.data?.models ?? []).filter((name) => !name.includes('*'));
  const values = { url: window.location.origin, key: clientKey ?? keyPlaceholder, model: filters.model ?? models[0] ?? modelPlaceholder };
  const clients = clientsFor(values);
  const client = clients.find((known) => known.id === filters.client) ?? clients[0];
  const isLocal = /^https?:\/\/(localhost|127\.|\[::1\])/.test(values.url);
  return (
    <Page title={nav('setup')} subtitle={t('intro')}>
      <Group align="flex-end" gap="sm">
        <PasswordInput w={320} maw="100%" label={t('yourKey')} description={t('keyHint')} autoComplete="off" placeholder={keyPlaceholder} value={clientKey ?? ''} onChange={(event) => showKey(event.currentTarget.value || undefined)} />
        <Autocomplete w={240} label={t('model')} data={models} value={filters.model ?? ''} placeholder={values.model} onChange={(model) => change({ model })} />
      </Group>
      {isLocal && <Alert color="blue">{t('localUrl')}</Alert>}
      <ClientChoice clients={clients} chosen={client?.id ?? ''} choose={(id) => change({ client: id })} />
      {client && <Instructions client={client} />}
    </Page>
  );
}

function ClientChoice({ clients, chosen, choose }: { clients: ClientSetup[]; chosen: string; choose: (id: string) => void }) {
  const t = useTexts(setupTexts);
  const data = clients.map((client) => ({ value: client.id, label: client.name }));
  return <NativeSelect w={320} maw="100%" label={t('client')} value={chosen} onChange={(event) => choose(event.currentTarget.value)} data={data} />;
}

function Instructions({ client }: { client: ClientSetup }) {
  const t = useTexts(setupTexts);
  const titleOf = ({ where }: Snippet) => (where.kind === 'file' ? t('file', { path: where.path }) : t(where.kind));
  return (
    <Stack>
      {client.install && <Text size="sm">{t('install', { command: client.install })}</Text>}
      {client.note && <Alert color="yellow">{t(client.note)}</Alert>}
      {client.snippets.map((snippet) => (
        <CopyBlock key={snippet.text} title={titleOf(snippet)} text={snippet.text} />
      ))}
    </Stack>
  );
}
