export const tenantLink = (id: string) => `/tenants/${encodeURIComponent(id)}`;
