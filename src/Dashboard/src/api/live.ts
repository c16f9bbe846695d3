import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState } from 'react';
import { queryKey } from './queries';
import type { Job, Overview, RequestRow } from './types';

type Listener = (rows: RequestRow[]) => void;

/** Rather more than a browser's own three seconds, so that a gateway that starts again is not met by everybody at once. */
const reconnectAfterMs = 4_000;

const requestListeners = new Set<Listener>();

/** What operators change; a change anywhere may show in any of them. */
const administration = ['/api/tenants', '/api/keys', '/api/upstreams', '/api/routing', '/api/prices', '/api/audit', '/api/settings', '/api/tokens'];

function take(queries: QueryClient, source: EventSource) {
  const on = <Content>(name: string, use: (content: Content) => void) =>
    source.addEventListener(name, (event) => {
      use(JSON.parse((event as MessageEvent<string>).data) as Content);
    });
  let isFirst = true;
  on<Overview>('overview', (overview) => {
    // What happened after a page had asked and before it was listened for is told by nobody: pages ask once more.
    if (isFirst) {
      isFirst = false;
      [...administration, '/api/requests', '/api/sessions'].forEach((path) => void queries.invalidateQueries({ queryKey: [path] }));
    }

    queries.setQueryData<Overview>(queryKey('/api/overview'), (known) => ({ ...overview, series: overview.series ?? known?.series }));
  });
  on<{ items: RequestRow[] }>('requests', ({ items }) => {
    requestListeners.forEach((listener) => listener(items));
  });
  on<unknown>('changed', () => {
    administration.forEach((path) => void queries.invalidateQueries({ queryKey: [path] }));
  });
  on<{ job: Job } | Job>('job', (content) => {
    const job = 'job' in content ? content.job : content;
    queries.setQueryData(queryKey(`/api/billing/jobs/${job.id}`), job);
    void queries.invalidateQueries({ queryKey: ['/api/billing/jobs'] });
  });
}

/** Listens to what the gateway tells, once for the whole page. Says whether it is connected: pages ask from time to time while it is not. */
export function useLive(enabled: boolean): boolean {
  const queries = useQueryClient();
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    if (!enabled) {
      return;
    }

    let source: EventSource | undefined;
    let waiting: number | undefined;
    const connect = () => {
      source = new EventSource('/api/live');
      source.onopen = () => setConnected(true);
      source.onerror = () => {
        // The browser gives up for good on some answers, such as a 503: closing and waiting treats all alike.
        source?.close();
        setConnected(false);
        waiting = window.setTimeout(connect, reconnectAfterMs + Math.random() * reconnectAfterMs);
      };
      take(queries, source);
    };
    connect();
    return () => {
      source?.close();
      window.clearTimeout(waiting);
      setConnected(false);
    };
  }, [enabled, queries]);
  return connected;
}

/** Calls with the requests that were just completed, for as long as the caller is shown. */
export function useLiveRequests(listener: Listener) {
  useEffect(() => {
    requestListeners.add(listener);
    return () => {
      requestListeners.delete(listener);
    };
  }, [listener]);
}

/** Whether the page is told what happens. */
export const LiveContext = createContext(false);

/** How often a page that wants to be live has to ask: not at all while it is told. */
export function usePolling(everyMs: number): number | undefined {
  return useContext(LiveContext) ? undefined : everyMs;
}
