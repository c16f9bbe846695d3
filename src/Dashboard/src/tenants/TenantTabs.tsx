import { Tabs } from '@mantine/core';
import { useNavigate } from 'react-router';
import { useTexts } from '../text/language';
import { tenantTexts } from './texts';

/** Tenants, or the keys of all of them. */
export function TenantTabs({ value }: { value: 'tenants' | 'keys' }) {
  const t = useTexts(tenantTexts);
  const navigate = useNavigate();
  return (
    <Tabs value={value} onChange={(chosen) => void navigate(chosen === 'keys' ? '/tenants/-/keys' : '/tenants')}>
      <Tabs.List>
        <Tabs.Tab value="tenants">{t('list')}</Tabs.Tab>
        <Tabs.Tab value="keys">{t('keys')}</Tabs.Tab>
      </Tabs.List>
    </Tabs>
  );
}
