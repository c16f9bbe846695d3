import type { ComponentType } from 'react';
import { Route, Routes, useParams } from 'react-router';
import { KeysPage } from '../keys/KeysPage';
import { CreateTenantPage, EditTenantPage } from './TenantFormPage';
import { TenantListPage } from './TenantListPage';
import { TenantPage } from './TenantPage';

/** Everything below /tenants. A tenant may be called `new` or `keys`, so what is no tenant has two parts. */
export default function TenantsPage() {
  return (
    <Routes>
      <Route index element={<TenantListPage />} />
      <Route path="-/new" element={<CreateTenantPage />} />
      <Route path="-/keys" element={<KeysPage />} />
      <Route path=":id" element={<OfTenant page={TenantPage} />} />
      <Route path=":id/edit" element={<OfTenant page={EditTenantPage} />} />
    </Routes>
  );
}

/** Begins anew for another tenant. */
function OfTenant({ page: PageOfTenant }: { page: ComponentType<{ id: string }> }) {
  const { id = '' } = useParams();
  return <PageOfTenant key={id} id={id} />;
}
