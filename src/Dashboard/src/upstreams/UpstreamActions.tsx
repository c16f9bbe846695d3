import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { upstreamLink, upstreamPath } from './links';
import { TestDialog } from './TestDialog';
import { upstreamTexts } from './texts';
import type { Upstream } from './types';

type Order = 'drain' | 'resume' | 'reset' | 'remove';

/** Tests, drains, resets, edits and deletes an upstream; what a file declares can be all but edited and deleted. */
export function UpstreamActions({ upstream }: { upstream: Upstream }) {
  const t = useTexts(upstreamTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  const notices = useNotices();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [tests, setTests] = useState(false);
  const [asked, setAsked] = useState<Order>();
  const path = upstreamPath(upstream.id);
  const obey = useMutation({
    mutationFn: ({ order, reason }: { order: Order; reason: string | undefined }) =>
      order === 'remove' ? api.del<unknown>(path, { reason }, upstream.version) : api.post<unknown>(`${path}/${order}`, { reason }),
    onSuccess: async (_, { order }) => {
      setAsked(undefined);
      notices.done(t('done'));
      if (order === 'remove') {
        await navigate('/upstreams');
      }

      await queries.invalidateQueries({ queryKey: ['/api/upstreams'] });
    },
  });
  if (!isAdmin) {
    return null;
  }

  const shown = asked ?? 'reset';
  return (
    <>
      <Button onClick={() => setTests(true)}>{t('test')}</Button>
      <Button variant="default" onClick={() => setAsked(upstream.drained ? 'resume' : 'drain')}>
        {t(upstream.drained ? 'resume' : 'drain')}
      </Button>
      <Button variant="default" onClick={() => setAsked('reset')}>
        {t('reset')}
      </Button>
      {upstream.origin === 'operator' && (
        <>
          <Button variant="default" component={Link} to={`${upstreamLink(upstream.id)}/edit`}>
            {t('edit')}
          </Button>
          <Button variant="default" onClick={() => setAsked('remove')}>
            {say('remove')}
          </Button>
        </>
      )}
      <TestDialog opened={tests} upstream={upstream.id} onClose={() => setTests(false)} />
      <ConfirmDialog
        opened={asked !== undefined}
        title={t(`${shown}Title`, { id: upstream.id })}
        confirm={shown === 'remove' ? say('remove') : t(shown)}
        isDangerous={shown === 'remove' || shown === 'drain'}
        asksReason
        busy={obey.isPending}
        error={obey.error}
        onConfirm={(reason) => obey.mutate({ order: shown, reason })}
        onClose={() => {
          obey.reset();
          setAsked(undefined);
        }}
      >
        {t(`${shown}Text`)}
      </ConfirmDialog>
    </>
  );
}
