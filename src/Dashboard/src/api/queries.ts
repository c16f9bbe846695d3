import { keepPreviousData, QueryClient, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, ApiError, type Query } from './client';
import type { Page } from './types';

/** What the gateway refused for a reason stays refused; what failed on the way is tried again. */
const isWorthRetrying = (failures: number, error: Error) => failures < 2 && !(error instanceof ApiError && error.status < 500);

export function createQueryClient(onUnauthorized: () => void): QueryClient {
  const client = new QueryClient({ defaultOptions: { queries: { retry: isWorthRetrying, staleTime: 5_000, refetchOnWindowFocus: false } } });
  const watch = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) {
      onUnauthorized();
    }
  };
  client.getQueryCache().subscribe((event) => {
    if (event.type === 'updated' && event.action.type === 'error') {
      watch(event.action.error);
    }
  });
  client.getMutationCache().subscribe((event) => {
    if (event.type === 'updated' && event.action.type === 'error') {
      watch(event.action.error);
    }
  });
  return client;
}

/** The key of a question is its address and parameters, so that `invalidate(['/api/tenants'])` reaches all of a kind. */
export const queryKey = (path: string, query: Query = {}) => [path, query] as const;

export function useApi<Answer>(path: string, query: Query = {}, options: { refetchInterval?: number; enabled?: boolean } = {}) {
  return useQuery({ queryKey: queryKey(path, query), queryFn: ({ signal }) => api.get<Answer>(path, query, signal), placeholderData: keepPreviousData, ...options });
}

/** A list that comes in pages: `rows` is what is here so far. */
export function useApiList<Item>(path: string, query: Query = {}, options: { refetchInterval?: number; enabled?: boolean } = {}) {
  const list = useInfiniteQuery({
    queryKey: [...queryKey(path, query), 'pages'],
    queryFn: ({ pageParam, signal }) => api.get<Page<Item>>(path, { ...query, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    ...options,
  });
  return { ...list, rows: list.data?.pages.flatMap((page) => page.items) ?? [] };
}
