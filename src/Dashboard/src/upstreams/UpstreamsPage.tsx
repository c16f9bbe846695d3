import type { ComponentType } from 'react';
import { Route, Routes, useParams } from 'react-router';
import { RoutingPage } from './RoutingPage';
import { CreateUpstreamPage, EditUpstreamPage } from './UpstreamFormPage';
import { UpstreamListPage } from './UpstreamListPage';
import { UpstreamPage } from './UpstreamPage';

/** Everything below /upstreams. An upstream may be called `routing`, so what is no upstream has two parts. */
export default function UpstreamsPage() {
  return (
    <Routes>
      <Route index element={<UpstreamListPage />} />
      <Route path="-/new" element={<CreateUpstreamPage />} />
      <Route path="-/routing" element={<RoutingPage />} />
      <Route path=":id" element={<OfUpstream page={UpstreamPage} />} />
      <Route path=":id/edit" element={<OfUpstream page={EditUpstreamPage} />} />
    </Routes>
  );
}

function OfUpstream({ page: PageOfUpstream }: { page: ComponentType<{ id: string }> }) {
  const { id = '' } = useParams();
  return <PageOfUpstream key={id} id={id} />;
}
