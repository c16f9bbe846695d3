import type { Tenant } from '../api/types';
import { useTexts } from '../text/language';
import { StateBadge } from '../values/StateBadge';
import { useNow } from '../values/TimeText';
import { tenantTexts } from './texts';

/** Whether a tenant's requests are served. */
export function TenantState({ tenant }: { tenant: Pick<Tenant, 'enabled' | 'expiresAt'> }) {
  const t = useTexts(tenantTexts);
  const now = useNow(60);
  if (tenant.expiresAt && new Date(tenant.expiresAt) <= now) {
    return <StateBadge tone="bad" label={t('expired')} />;
  }

  return tenant.enabled ? <StateBadge tone="good" label={t('active')} /> : <StateBadge tone="off" label={t('disabled')} />;
}
