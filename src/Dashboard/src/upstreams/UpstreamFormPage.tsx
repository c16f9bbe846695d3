import { Accordion, Alert, Skeleton } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { Document } from '../api/types';
import { DocumentForm } from '../forms/DocumentForm';
import { useForm } from '../forms/FormContext';
import { JsonField } from '../forms/JsonField';
import { formTexts } from '../forms/texts';
import { Page } from '../shell/Page';
import { useTexts } from '../text/language';
import { valueTexts } from '../values/texts';
import { upstreamLink, upstreamPath } from './links';
import { upstreamTexts } from './texts';
import type { Upstream, UpstreamList } from './types';
import { UpstreamFields } from './UpstreamFields';

const empty: Document = { id: '' };

export function CreateUpstreamPage() {
  const t = useTexts(upstreamTexts);
  const navigate = useNavigate();
  const queries = useQueryClient();
  return (
    <Page title={t('create')}>
      <DocumentForm
        initial={empty}
        submit={async (document, reason) => {
          const created = await api.post<{ id: string }>('/api/upstreams', { document, reason });
          await queries.invalidateQueries({ queryKey: ['/api/upstreams'] });
          return created.id;
        }}
        done={(id) => void navigate(upstreamLink(id), { replace: true })}
        cancel={() => void navigate('/upstreams')}
      >
        <AllUpstreamFields isNew hints={[]} />
      </DocumentForm>
    </Page>
  );
}

export function EditUpstreamPage({ id }: { id: string }) {
  const t = useTexts(upstreamTexts);
  const [round, setRound] = useState(0);
  const { data, error, refetch } = useApi<UpstreamList>('/api/upstreams');
  const upstream = data?.upstreams.find((one) => one.id === id);
  return (
    <Page title={t('editTitle', { id })}>
      {error && !data && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton h={400} />}
      {data && !upstream && <Alert color="gray">{t('gone', { id })}</Alert>}
      {upstream && <EditUpstream key={round} upstream={upstream} reload={() => void refetch().then(() => setRound((current) => current + 1))} />}
    </Page>
  );
}

/** Holds on to what was there when it was opened, whatever comes while somebody types. */
function EditUpstream({ upstream, reload }: { upstream: Upstream; reload: () => void }) {
  const values = useTexts(valueTexts);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [opened] = useState(upstream);
  const leave = () => void navigate(upstreamLink(opened.id));
  if (!opened.document || opened.origin === 'file') {
    return <Alert color="gray">{values('fromFile', { file: 'upstreams.json' })}</Alert>;
  }

  return (
    <DocumentForm
      initial={opened.document}
      submit={async (document, reason) => {
        await api.put(upstreamPath(opened.id), { document, reason }, opened.version);
        await queries.invalidateQueries({ queryKey: ['/api/upstreams'] });
      }}
      done={leave}
      cancel={leave}
      reload={reload}
    >
      <AllUpstreamFields hints={(opened.keys ?? []).map((key) => key.hint)} />
    </DocumentForm>
  );
}

function AllUpstreamFields({ isNew, hints }: { isNew?: boolean; hints: readonly string[] }) {
  const forms = useTexts(formTexts);
  const { document } = useForm();
  const [round, setRound] = useState(0);
  return (
    <>
      <UpstreamFields key={round} isNew={isNew} id={String(document.id)} hints={hints} />
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
