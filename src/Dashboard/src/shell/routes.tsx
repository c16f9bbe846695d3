import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { shellTexts } from './texts';

// A label has nothing to fill in.
type Label = Exclude<keyof typeof shellTexts, 'lockedOut'>;

export interface PageRoute {
  /** Below /dashboard. */
  path: string;
  page: LazyExoticComponent<ComponentType>;
  /** Its place in the navigation; pages without one are reached from others. */
  navigation?: { label: Label; group: 'view' | 'manage' };
}

const operatorPages: PageRoute[] = [
  { path: '', page: lazy(() => import('../overview/OverviewPage')), navigation: { label: 'overview', group: 'view' } },
  { path: 'usage', page: lazy(() => import('../usage/UsagePage')), navigation: { label: 'usage', group: 'view' } },
  { path: 'leaderboard', page: lazy(() => import('../leaderboard/LeaderboardPage')), navigation: { label: 'leaderboard', group: 'view' } },
  { path: 'requests', page: lazy(() => import('../requests/RequestsPage')), navigation: { label: 'requests', group: 'view' } },
  { path: 'requests/:id', page: lazy(() => import('../requests/RequestPage')) },
  { path: 'sessions', page: lazy(() => import('../sessions/SessionsPage')), navigation: { label: 'sessions', group: 'view' } },
  { path: 'tenants/*', page: lazy(() => import('../tenants/TenantsPage')), navigation: { label: 'tenants', group: 'manage' } },
  { path: 'upstreams/*', page: lazy(() => import('../upstreams/UpstreamsPage')), navigation: { label: 'upstreams', group: 'manage' } },
  { path: 'prices/*', page: lazy(() => import('../prices/PricesPage')), navigation: { label: 'prices', group: 'manage' } },
  { path: 'billing/*', page: lazy(() => import('../billing/BillingPage')), navigation: { label: 'billing', group: 'manage' } },
  { path: 'audit/*', page: lazy(() => import('../audit/AuditPage')), navigation: { label: 'audit', group: 'manage' } },
  { path: 'tokens/*', page: lazy(() => import('../tokens/TokensPage')), navigation: { label: 'tokens', group: 'manage' } },
  { path: 'settings/*', page: lazy(() => import('../settings/SettingsPage')), navigation: { label: 'settings', group: 'manage' } },
  { path: 'setup', page: lazy(() => import('../setup/SetupPage')), navigation: { label: 'setup', group: 'view' } },
];

const tenantPages: PageRoute[] = [
  { path: 'me', page: lazy(() => import('../me/MePage')), navigation: { label: 'me', group: 'view' } },
  { path: 'me/requests/:id', page: lazy(() => import('../me/MyRequestPage')) },
  { path: 'setup', page: lazy(() => import('../setup/SetupPage')), navigation: { label: 'setup', group: 'view' } },
];

/** The pages of a role; the first is where it starts. */
export const pagesOf = (role: 'operator' | 'tenant') => (role === 'operator' ? operatorPages : tenantPages);

/** The address of a page as links write it, without what matches the rest. */
export const linkOf = (page: PageRoute) => `/${page.path.replace(/\/\*$/, '')}`;
