import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';
import { api, ApiError } from '../api/client';
import { queryKey } from '../api/queries';
import type { SessionState } from '../api/types';

export type Credentials = { username: string; password: string } | { key: string };

interface SessionAccess {
  /** Null when nobody is signed in. */
  session: SessionState | null;
  /** May change things. */
  isAdmin: boolean;
  /** The tenant's key as typed at sign-in or just issued, so that set-up texts can show it. In memory alone. */
  clientKey: string | undefined;
  showKey: (key: string | undefined) => void;
  signIn: (credentials: Credentials) => Promise<SessionState>;
  signOut: () => Promise<void>;
}

const SessionContext = createContext<SessionAccess | undefined>(undefined);

export const sessionKey = queryKey('/api/session');

async function readSession(signal: AbortSignal): Promise<SessionState | null> {
  try {
    return await api.get<SessionState>('/api/session', {}, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      return null;
    }

    throw error;
  }
}

/** Who is signed in. Shows nothing until that is known. */
export function SessionProvider({ children, whenUnreachable }: { children: ReactNode; whenUnreachable: (error: Error, retry: () => void) => ReactNode }) {
  const queries = useQueryClient();
  const [clientKey, showKey] = useState<string>();
  const { data: session, error, refetch } = useQuery({ queryKey: sessionKey, queryFn: ({ signal }) => readSession(signal), staleTime: 60_000, refetchInterval: 300_000 });

  const signIn = useCallback(
    async (credentials: Credentials) => {
      const signedIn = await api.post<SessionState>('/api/session', credentials);
      showKey('key' in credentials ? credentials.key : undefined);
      queries.setQueryData(sessionKey, signedIn);
      return signedIn;
    },
    [queries],
  );
  const signOut = useCallback(async () => {
    await api.del('/api/session').catch((failure: unknown) => {
      if (!(failure instanceof ApiError && failure.status === 401)) {
        throw failure;
      }
    });
    showKey(undefined);
    queries.setQueryData(sessionKey, null);
    // What one account has seen is not for the next one. The session itself stays, because it is being watched.
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
  }, [queries]);

  const access = useMemo<SessionAccess | undefined>(
    () => (session === undefined ? undefined : { session, isAdmin: session?.role === 'operator' && session.scope === 'admin', clientKey, showKey, signIn, signOut }),
    [session, clientKey, signIn, signOut],
  );
  if (!access) {
    return error ? whenUnreachable(error, () => void refetch()) : null;
  }

  return <SessionContext value={access}>{children}</SessionContext>;
}

export function useSession(): SessionAccess {
  const access = useContext(SessionContext);
  if (!access) {
    throw new Error('useSession needs a SessionProvider above it.');
  }

  return access;
}
