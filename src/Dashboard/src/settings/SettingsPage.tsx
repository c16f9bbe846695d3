import { Anchor, Paper, Skeleton, Table, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { Settings } from '../api/types';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { shellTexts } from '../shell/texts';
import { VirtualTable } from '../table/VirtualTable';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { TimeText } from '../values/TimeText';
import { Notifications } from './Notifications';
import { settingTexts } from './texts';

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** What the gateway was told, and by which file. */
export default function SettingsPage() {
  const t = useTexts(settingTexts);
  const say = useTexts(words);
  const titles = useTexts(shellTexts);
  const { data, error, refetch } = useApi<Settings>('/api/settings');
  return (
    <Page
      title={titles('settings')}
      actions={
        <Anchor href="/api/export-config" download="ccgate-config.json" size="sm">
          {t('exportText')}
        </Anchor>
      }
    >
      <WhoAmI />
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton h={300} />}
      {data && (
        <>
          <Facts
            title={t('process')}
            facts={[
              [t('version'), data.version],
              [t('mode'), data.mode],
              [t('started'), <TimeText key="started" at={data.startedAt} />],
              [t('directory'), data.configuration.directory ?? '–'],
              [t('files'), data.configuration.files.join(', ') || '–'],
            ]}
          />
          <Title order={2} size="h4">
            {t('settings')}
          </Title>
          <Text size="sm">{t('unchangeable')}</Text>
          <VirtualTable
            label={t('settings')}
            rows={data.settings}
            idOf={(setting) => setting.name}
            columns={[
              { id: 'name', header: say('name'), width: 260, cell: (setting) => setting.name },
              { id: 'value', header: t('value'), width: 300, cell: (setting) => <span title={textOf(setting.value)}>{textOf(setting.value)}</span> },
              { id: 'source', header: t('source'), width: 160, cell: (setting) => setting.source },
            ]}
          />
        </>
      )}
      <Notifications />
    </Page>
  );
}

function WhoAmI() {
  const t = useTexts(settingTexts);
  const say = useTexts(words);
  const { session } = useSession();
  return (
    session && (
      <Facts
        title={t('who')}
        facts={[
          [say('name'), session.name],
          [t('role'), t(session.scope)],
          [t('until'), <TimeText key="until" at={session.expiresAt} />],
        ]}
      />
    )
  );
}

function Facts({ title, facts }: { title: string; facts: [string, ReactNode][] }) {
  return (
    <Paper withBorder p="md" radius="md">
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      <Table fz="sm" withRowBorders={false} verticalSpacing={4} aria-label={title}>
        <Table.Tbody>
          {facts.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" w="35%">
                {name}
              </Table.Th>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}
