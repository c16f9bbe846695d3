import { Fieldset, SimpleGrid, Text } from '@mantine/core';
import { api } from '../api/client';
import type { Document, IssuedKey, Key } from '../api/types';
import { DialogForm } from '../forms/DialogForm';
import { InstantField, NumberField, TextField } from '../forms/fields';
import { RateFields, WindowFields } from '../tenants/LimitFields';
import { useTexts } from '../text/language';
import { keyTexts } from './texts';

export const keyPath = (tenant: string, key?: string) => `/api/tenants/${encodeURIComponent(tenant)}/keys${key === undefined ? '' : `/${encodeURIComponent(key)}`}`;

interface IssueDialogProps {
  opened: boolean;
  tenant: string;
  onIssued: (issued: IssuedKey) => void;
  onClose: () => void;
}

export function IssueKeyDialog({ opened, tenant, onIssued, onClose }: IssueDialogProps) {
  const t = useTexts(keyTexts);
  return (
    <DialogForm
      opened={opened}
      onClose={onClose}
      title={t('issueFor', { tenant })}
      size="xl"
      initial={{}}
      confirm={t('issue')}
      submit={(document) => api.post<IssuedKey>(keyPath(tenant), document)}
      done={onIssued}
    >
      <KeyFields isNew />
    </DialogForm>
  );
}

interface KeyDialogProps {
  /** Nothing is asked without one. */
  subject: Key | undefined;
  onClose: () => void;
}

export function EditKeyDialog({ subject, onSaved, onClose }: KeyDialogProps & { onSaved: () => void }) {
  const t = useTexts(keyTexts);
  const { label, expiresAt, limits } = subject ?? {};
  // An absent member is one that is not set.
  const initial = JSON.parse(JSON.stringify({ label, expiresAt, limits })) as Document;
  return (
    <DialogForm
      opened={subject !== undefined}
      onClose={onClose}
      title={t('editTitle', { key: subject?.id ?? '' })}
      size="xl"
      initial={initial}
      submit={(document) => api.put<Key>(keyPath(subject?.tenant ?? '', subject?.id), document)}
      done={onSaved}
    >
      <KeyFields />
    </DialogForm>
  );
}

export function RotateKeyDialog({ subject, onIssued, onClose }: KeyDialogProps & { onIssued: (issued: IssuedKey) => void }) {
  const t = useTexts(keyTexts);
  return (
    <DialogForm
      opened={subject !== undefined}
      onClose={onClose}
      title={t('rotateTitle', { key: subject?.id ?? '' })}
      initial={{ overlapMinutes: 60 }}
      confirm={t('rotate')}
      submit={(document) => api.post<IssuedKey>(`${keyPath(subject?.tenant ?? '', subject?.id)}/rotate`, document)}
      done={onIssued}
    >
      <Text size="sm">{t('rotateText')}</Text>
      <NumberField path="overlapMinutes" label={t('overlap')} description={t('overlapHint')} />
    </DialogForm>
  );
}

function KeyFields({ isNew }: { isNew?: boolean }) {
  const t = useTexts(keyTexts);
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: isNew ? 3 : 2 }}>
        {isNew && <TextField path="id" label={t('id')} description={t('idHint')} />}
        <TextField path="label" label={t('label')} description={t('labelHint')} />
        <InstantField path="expiresAt" label={t('expires')} />
      </SimpleGrid>
      <Fieldset legend={t('ownLimits')} radius="md" variant="unstyled">
        <WindowFields />
        <RateFields />
      </Fieldset>
    </>
  );
}
