import { Button, Group, Stack, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { Delivery } from '../api/types';
import { useSession } from '../shell/session';
import { VirtualTable } from '../table/VirtualTable';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { StateBadge } from '../values/StateBadge';
import { TimeText } from '../values/TimeText';
import { settingTexts } from './texts';

const path = '/api/notifications';

/** What was sent to whom of late, and whether it arrived. */
export function Notifications() {
  const t = useTexts(settingTexts);
  const say = useTexts(words);
  const list = useApiList<Delivery>(path);
  return (
    <Stack>
      <Group justify="space-between" align="flex-end">
        <Title order={2} size="h4">
          {t('notifications')}
        </Title>
        <TestForm channels={[...new Set(list.rows.map((delivery) => delivery.channel))]} />
      </Group>
      {list.error && <ProblemAlert error={list.error} retry={() => void list.refetch()} />}
      {!(list.error && list.rows.length === 0) && (
        <VirtualTable
          label={t('notifications')}
          rows={list.rows}
          idOf={(delivery) => `${delivery.at}/${delivery.channel}/${delivery.kind}`}
          isFetching={list.isFetching}
          hasNextPage={list.hasNextPage}
          fetchNextPage={list.fetchNextPage}
          empty={<EmptyState title={t('noDeliveries')} />}
          columns={[
            { id: 'at', header: say('time'), width: 215, cell: (delivery) => <TimeText at={delivery.at} /> },
            { id: 'kind', header: t('kind'), width: 160, cell: (delivery) => delivery.kind },
            { id: 'channel', header: t('channel'), width: 140, cell: (delivery) => delivery.channel },
            { id: 'state', header: say('state'), width: 130, cell: (delivery) => <StateBadge tone={delivery.error ? 'bad' : 'good'} label={delivery.state} /> },
            { id: 'error', header: say('errors'), width: 300, cell: (delivery) => <span title={delivery.error}>{delivery.error ?? '–'}</span> },
          ]}
        />
      )}
    </Stack>
  );
}

function TestForm({ channels }: { channels: readonly string[] }) {
  const t = useTexts(settingTexts);
  const { isAdmin } = useSession();
  const notices = useNotices();
  const queries = useQueryClient();
  const [channel, setChannel] = useState('');
  const test = useMutation({
    mutationFn: () => api.post<unknown>(`${path}/test`, { channel: channel.trim() }),
    onSuccess: () => notices.done(t('sent', { channel })),
    onError: notices.failed,
    onSettled: () => queries.invalidateQueries({ queryKey: [path] }),
  });
  return (
    isAdmin && (
      <form
        onSubmit={(event) => {
          event.preventDefault();
          test.mutate();
        }}
      >
        <Group align="flex-end" gap="xs">
          <TextInput label={t('channel')} required list="channels" value={channel} onChange={(event) => setChannel(event.currentTarget.value)} />
          <datalist id="channels">
            {channels.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <Button type="submit" variant="default" loading={test.isPending}>
            {t('test')}
          </Button>
        </Group>
      </form>
    )
  );
}
