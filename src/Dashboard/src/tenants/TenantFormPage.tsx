import { Accordion, Anchor, Skeleton } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { api } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { Document, TenantDetail } from '../api/types';
import { DocumentForm } from '../forms/DocumentForm';
import { useForm } from '../forms/FormContext';
import { JsonField } from '../forms/JsonField';
import { formTexts } from '../forms/texts';
import { Page } from '../shell/Page';
import { useTexts } from '../text/language';
import { tenantLink } from './links';
import { TenantFields } from './TenantFields';
import { tenantTexts } from './texts';

/** Declares a tenant; what it is called stays. */
export function CreateTenantPage() {
  const t = useTexts(tenantTexts);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [address] = useSearchParams();
  const [initial] = useState<Document>(() => ({ id: '', ...(address.get('parent') ? { parent: address.get('parent') } : {}) }));
  return (
    <Page title={t('create')}>
      <DocumentForm
        initial={initial}
        submit={async (document, reason) => {
          const tenant = await api.post<TenantDetail>('/api/tenants', { document, reason });
          await queries.invalidateQueries({ queryKey: ['/api/tenants'] });
          return tenant.id;
        }}
        done={(id) => void navigate(tenantLink(id), { replace: true })}
        cancel={() => void navigate('/tenants')}
      >
        <AllTenantFields isNew />
      </DocumentForm>
    </Page>
  );
}

/** Changes a tenant that was declared here. */
export function EditTenantPage({ id }: { id: string }) {
  const t = useTexts(tenantTexts);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [round, setRound] = useState(0);
  const path = `/api/tenants/${encodeURIComponent(id)}`;
  const { data: tenant, error, refetch } = useApi<TenantDetail>(path);
  const reload = () => void refetch().then(() => setRound((current) => current + 1));
  return (
    <Page
      title={t('editTitle', { id })}
      subtitle={
        <Anchor component={Link} to={tenantLink(id)} size="sm">
          {tenant?.name ?? id}
        </Anchor>
      }
    >
      {error && !tenant && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!tenant && !error && <Skeleton h={400} />}
      {tenant && <EditTenant key={round} tenant={tenant} path={path} leave={() => void navigate(tenantLink(id))} reload={reload} changed={() => queries.invalidateQueries({ queryKey: ['/api/tenants'] })} />}
    </Page>
  );
}

/** Holds on to what was there when it was opened, whatever comes while somebody types. */
function EditTenant({ tenant, path, leave, reload, changed }: { tenant: TenantDetail; path: string; leave: () => void; reload: () => void; changed: () => Promise<void> }) {
  const queries = useQueryClient();
  const [opened] = useState(tenant);
  return (
    <DocumentForm
      initial={opened.document}
      submit={async (document, reason) => {
        const saved = await api.put<TenantDetail>(path, { document, reason }, opened.version);
        queries.setQueryData([path, {}], saved);
        await changed();
      }}
      done={leave}
      cancel={leave}
      reload={reload}
    >
      <AllTenantFields />
    </DocumentForm>
  );
}

function AllTenantFields({ isNew }: { isNew?: boolean }) {
  const forms = useTexts(formTexts);
  const { document } = useForm();
  const [round, setRound] = useState(0);
  return (
    <>
      <TenantFields key={round} isNew={isNew} id={String(document.id)} />
      <Accordion variant="contained" radius="md">
        <Accordion.Item value="json">
          <Accordion.Control>{forms('asJson')}</Accordion.Control>
          <Accordion.Panel>
            <JsonField onWritten={() => setRound((current) => current + 1)} />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </>
  );
}
