import { Button } from '@mantine/core';
import { useState } from 'react';
import type { IssuedKey } from '../api/types';
import { useSession } from '../shell/session';
import { useTexts } from '../text/language';
import { IssueKeyDialog } from './KeyDialogs';
import { useKeysChanged } from './KeyTable';
import { SecretDialog } from './SecretDialog';
import { keyTexts } from './texts';

/** Issues a key to a tenant, and shows it. */
export function IssueKeyButton({ tenant }: { tenant: string }) {
  const t = useTexts(keyTexts);
  const { isAdmin } = useSession();
  const [asks, setAsks] = useState(false);
  const [issued, setIssued] = useState<IssuedKey>();
  const refresh = useKeysChanged();
  return (
    isAdmin && (
      <>
        <Button size="compact-md" variant="light" onClick={() => setAsks(true)}>
          {t('issue')}
        </Button>
        <IssueKeyDialog
          opened={asks}
          tenant={tenant}
          onClose={() => setAsks(false)}
          onIssued={(key) => {
            setAsks(false);
            setIssued(key);
            refresh();
          }}
        />
        <SecretDialog issued={issued} onClose={() => setIssued(undefined)} />
      </>
    )
  );
}
