import { Anchor, Button, Menu } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import type { IssuedKey, Key } from '../api/types';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { formTexts } from '../forms/texts';
import { useSession } from '../shell/session';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { tenantLink } from '../tenants/links';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { OriginBadge } from '../values/OriginBadge';
import { TimeText } from '../values/TimeText';
import { EditKeyDialog, keyPath, RotateKeyDialog } from './KeyDialogs';
import { KeyState } from './KeyState';
import { SecretDialog } from './SecretDialog';
import { keyTexts } from './texts';

interface KeyTableProps {
  rows: readonly Key[];
  withTenant?: boolean;
  isFetching?: boolean;
  hasNextPage?: boolean;
  fetchNextPage?: () => unknown;
  empty?: string;
}

type Asked = { what: 'edit' | 'rotate' | 'revoke'; key: Key };

/** Keys, and what can be done with each. */
export function KeyTable({ rows, withTenant, empty, ...list }: KeyTableProps) {
  const t = useTexts(keyTexts);
  const [asked, setAsked] = useState<Asked>();
  const columns = useKeyColumns(setAsked).filter((column) => withTenant || column.id !== 'tenant');
  return (
    <>
      <VirtualTable
        label={t('keys')}
        columns={columns}
        rows={rows}
        idOf={(key) => `${key.tenant}/${key.id}`}
        empty={<EmptyState title={empty ?? t('none')} />}
        {...list}
      />
      <KeyDialogs asked={asked} onClose={() => setAsked(undefined)} />
    </>
  );
}

function KeyDialogs({ asked, onClose }: { asked: Asked | undefined; onClose: () => void }) {
  const t = useTexts(keyTexts);
  const forms = useTexts(formTexts);
  const notices = useNotices();
  const [issued, setIssued] = useState<IssuedKey>();
  const refresh = useKeysChanged();
  const revoke = useMutation({
    mutationFn: ({ key, reason }: { key: Key; reason: string | undefined }) => api.del(keyPath(key.tenant, key.id), { reason }),
    onSuccess: () => {
      refresh();
      notices.done(t('revokedDone'));
      onClose();
    },
  });
  const of = (what: Asked['what']) => (asked?.what === what ? asked.key : undefined);
  const revoked = of('revoke');
  return (
    <>
      <EditKeyDialog
        subject={of('edit')}
        onClose={onClose}
        onSaved={() => {
          refresh();
          notices.done(forms('saved'));
          onClose();
        }}
      />
      <RotateKeyDialog
        subject={of('rotate')}
        onClose={onClose}
        onIssued={(rotated) => {
          refresh();
          onClose();
          setIssued(rotated);
        }}
      />
      <ConfirmDialog
        opened={revoked !== undefined}
        title={t('revokeTitle', { key: revoked?.id ?? '' })}
        confirm={t('revoke')}
        isDangerous
        asksReason
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={(reason) => revoked && revoke.mutate({ key: revoked, reason })}
        onClose={() => {
          revoke.reset();
          onClose();
        }}
      >
        {t('revokeText')}
      </ConfirmDialog>
      <SecretDialog issued={issued} onClose={() => setIssued(undefined)} />
    </>
  );
}

/** What shows keys asks again. */
export function useKeysChanged() {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ predicate: ({ queryKey: [path] }) => typeof path === 'string' && (path.startsWith('/api/tenants') || path.startsWith('/api/keys')) });
  };
}

function useKeyColumns(ask: (asked: Asked) => void): Column<Key>[] {
  const t = useTexts(keyTexts);
  const say = useTexts(words);
  const { isAdmin } = useSession();
  return useMemo<Column<Key>[]>(
    () => [
      {
        id: 'tenant',
        header: say('tenant'),
        width: 150,
        cell: (key) => (
          <Anchor component={Link} to={tenantLink(key.tenant)} size="sm">
            {key.tenant}
          </Anchor>
        ),
      },
      { id: 'id', header: t('id'), width: 130, cell: (key) => key.id },
      { id: 'label', header: t('label'), width: 160, cell: (key) => key.label ?? '–' },
      { id: 'hint', header: t('hint'), width: 90, cell: (key) => (key.hint ? `…${key.hint}` : '–') },
      { id: 'state', header: say('state'), width: 140, cell: (key) => <KeyState state={key.state} /> },
      {
        id: 'actions',
        header: t('actions'),
        width: 130,
        cell: (key) => isAdmin && key.origin === 'operator' && key.state !== 'revoked' && <KeyMenu subject={key} ask={ask} />,
      },
      { id: 'created', header: t('created'), width: 225, cell: (key) => <TimeText at={key.createdAt} /> },
      { id: 'expires', header: t('expires'), width: 225, cell: (key) => (key.expiresAt ? <TimeText at={key.expiresAt} /> : t('never')) },
      { id: 'origin', header: t('origin'), width: 125, cell: (key) => <OriginBadge origin={key.origin} file="tenants.json" /> },
    ],
    [t, say, isAdmin, ask],
  );
}

function KeyMenu({ subject, ask }: { subject: Key; ask: (asked: Asked) => void }) {
  const t = useTexts(keyTexts);
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button size="compact-xs" variant="default" aria-label={`${t('more')}: ${t('actionsFor', { key: subject.id })}`}>
          {t('more')} ▾
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => ask({ what: 'edit', key: subject })}>{t('edit')}</Menu.Item>
        <Menu.Item onClick={() => ask({ what: 'rotate', key: subject })}>{t('rotate')}</Menu.Item>
        <Menu.Item color="red" onClick={() => ask({ what: 'revoke', key: subject })}>
          {t('revoke')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
