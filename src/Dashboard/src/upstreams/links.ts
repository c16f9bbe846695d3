export const upstreamLink = (id: string) => `/upstreams/${encodeURIComponent(id)}`;

export const upstreamPath = (id: string) => `/api/upstreams/${encodeURIComponent(id)}`;
