import { Button, Group, Stack, Table, Text, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNotices } from '../api/notices';
import { useApi } from '../api/queries';
import { useSession } from '../shell/session';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { TimeText } from '../values/TimeText';
import { valueTexts } from '../values/texts';
import { ExtensionDialog } from './ExtensionDialog';
import { windows } from './LimitFields';
import { tenantTexts } from './texts';

interface Extension {
  extensionId: string;
  window: string;
  from: string;
  to: string;
  extraUsd: number;
  extraTokens: number;
  extraRequests: number;
  reason: string;
  by: string;
}

const path = '/api/budgets/extensions';

/** What was added to a tenant's limits for a time, and adding more. */
export function Extensions({ tenant, limits }: { tenant: string; limits: Record<string, unknown> }) {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const notices = useNotices();
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const { data } = useApi<{ extensions: Extension[] }>(path, { tenant });
  const extensions = [...(data?.extensions ?? [])].reverse().slice(0, 20);
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={3} size="h5">
          {t('extensions')}
        </Title>
        {isAdmin && (
          <Button size="compact-md" variant="light" onClick={() => setAsks(true)}>
            {t('extend')}
          </Button>
        )}
      </Group>
      {extensions.length === 0 ? (
        <Text size="sm" c="dimmed">
          –
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={560}>
          <Table fz="sm" aria-label={t('extensions')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('window')}</Table.Th>
                <Table.Th>+</Table.Th>
                <Table.Th>{say('to')}</Table.Th>
                <Table.Th>{t('by')}</Table.Th>
                <Table.Th>{say('reason')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {extensions.map((extension) => (
                <ExtensionRow key={extension.extensionId} extension={extension} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <ExtensionDialog
        opened={asks}
        tenant={tenant}
        limited={Object.keys(limits)}
        onClose={() => setAsks(false)}
        onGiven={() => {
          setAsks(false);
          notices.done(t('given'));
          void queries.invalidateQueries({ queryKey: [path] });
          void queries.invalidateQueries({ queryKey: ['/api/quotas'] });
        }}
      />
    </Stack>
  );
}

function ExtensionRow({ extension }: { extension: Extension }) {
  const say = useTexts(words);
  const name = useTexts(valueTexts);
  const formats = useFormats();
  const window = windows.find((known) => known === extension.window);
  const amounts = [
    extension.extraUsd > 0 && formats.money(extension.extraUsd),
    extension.extraTokens > 0 && `${formats.number(extension.extraTokens)} ${say('tokens')}`,
    extension.extraRequests > 0 && `${formats.number(extension.extraRequests)} ${say('requests')}`,
  ];
  return (
    <Table.Tr>
      <Table.Td>{window ? name(window) : extension.window}</Table.Td>
      <Table.Td>{amounts.filter(Boolean).join(', ')}</Table.Td>
      <Table.Td>
        <TimeText at={extension.to} />
      </Table.Td>
      <Table.Td>{extension.by}</Table.Td>
      <Table.Td>{extension.reason}</Table.Td>
    </Table.Tr>
  );
}
