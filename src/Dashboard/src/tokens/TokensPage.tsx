import { Alert, Button, Group, Modal, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApiList } from '../api/queries';
import type { ApiToken, IssuedApiToken } from '../api/types';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { DialogForm } from '../forms/DialogForm';
import { ChoiceField, InstantField, TextField } from '../forms/fields';
import { Page } from '../shell/Page';
import { useSession } from '../shell/session';
import { shellTexts } from '../shell/texts';
import { VirtualTable } from '../table/VirtualTable';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { CopyBlock } from '../values/CopyBlock';
import { EmptyState } from '../values/EmptyState';
import { TimeText } from '../values/TimeText';
import { tokenTexts } from './texts';

const path = '/api/tokens';

/** What programs ask the operator's API with. */
export default function TokensPage() {
  const t = useTexts(tokenTexts);
  const say = useTexts(words);
  const titles = useTexts(shellTexts);
  const { isAdmin } = useSession();
  const [revoked, setRevoked] = useState<ApiToken>();
  const list = useApiList<ApiToken>(path);
  return (
    <Page title={titles('tokens')} subtitle={t('intro')} actions={isAdmin && <IssueButton />}>
      {list.error && <ProblemAlert error={list.error} retry={() => void list.refetch()} />}
      {!(list.error && list.rows.length === 0) && (
        <VirtualTable
          label={titles('tokens')}
          rows={list.rows}
          idOf={(token) => token.id}
          hasNextPage={list.hasNextPage}
          isFetching={list.isFetching}
          fetchNextPage={list.fetchNextPage}
          empty={<EmptyState title={t('none')} />}
          columns={[
            { id: 'name', header: say('name'), width: 180, cell: (token) => token.name },
            { id: 'scope', header: t('scope'), width: 150, cell: (token) => t(token.scope) },
            { id: 'hint', header: t('hint'), width: 100, cell: (token) => `…${token.hint}` },
            { id: 'created', header: t('created'), width: 215, cell: (token) => <TimeText at={token.createdAt} /> },
            { id: 'by', header: t('by'), width: 120, cell: (token) => token.by },
            { id: 'lastUsed', header: t('lastUsed'), width: 130, cell: (token) => <TimeText at={token.lastUsedAt} relative /> },
            { id: 'expires', header: t('expires'), width: 215, cell: (token) => (token.expiresAt ? <TimeText at={token.expiresAt} /> : t('never')) },
            {
              id: 'actions',
              header: t('actions'),
              width: 110,
              cell: (token) =>
                isAdmin && (
                  <Button size="compact-xs" variant="default" aria-label={`${t('revoke')}: ${token.name}`} onClick={() => setRevoked(token)}>
                    {t('revoke')}
                  </Button>
                ),
            },
          ]}
        />
      )}
      <RevokeDialog token={revoked} onClose={() => setRevoked(undefined)} />
    </Page>
  );
}

function IssueButton() {
  const t = useTexts(tokenTexts);
  const say = useTexts(words);
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const [issued, setIssued] = useState<IssuedApiToken>();
  return (
    <>
      <Button onClick={() => setAsks(true)}>{t('issue')}</Button>
      <DialogForm
        opened={asks}
        title={t('issue')}
        initial={{ scope: 'read' }}
        confirm={t('issue')}
        submit={(document) => api.post<IssuedApiToken>(path, document)}
        done={(token) => {
          setAsks(false);
          setIssued(token);
          void queries.invalidateQueries({ queryKey: [path] });
        }}
        onClose={() => setAsks(false)}
      >
        <TextField path="name" label={say('name')} description={t('nameHint')} required />
        <ChoiceField
          path="scope"
          label={t('scope')}
          options={[
            { value: 'read', label: t('read') },
            { value: 'admin', label: t('admin') },
          ]}
        />
        <InstantField path="expiresAt" label={t('expires')} />
      </DialogForm>
      <Modal opened={issued !== undefined} onClose={() => setIssued(undefined)} title={t('issued')} closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false} centered size="lg">
        <Stack>
          <Alert color="orange">{t('shownOnce')}</Alert>
          <CopyBlock title={t('token')} text={issued?.token ?? ''} />
          <Group justify="flex-end">
            <Button onClick={() => setIssued(undefined)} data-autofocus>
              {t('done')}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function RevokeDialog({ token, onClose }: { token: ApiToken | undefined; onClose: () => void }) {
  const t = useTexts(tokenTexts);
  const notices = useNotices();
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: (id: string) => api.del(`${path}/${encodeURIComponent(id)}`),
    onSuccess: () => {
      notices.done(t('revoked'));
      void queries.invalidateQueries({ queryKey: [path] });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      opened={token !== undefined}
      title={t('revokeTitle', { name: token?.name ?? '' })}
      confirm={t('revoke')}
      isDangerous
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => token && revoke.mutate(token.id)}
      onClose={() => {
        revoke.reset();
        onClose();
      }}
    >
      {t('revokeText')}
    </ConfirmDialog>
  );
}
