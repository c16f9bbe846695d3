import type { Problem } from './types';

/** An answer that is not a success, with what the gateway says about it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
    /** Seconds to wait, when it says so. */
    readonly retryAfter?: number,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = 'ApiError';
  }

  /** What is wrong with one member of what was sent. */
  errorsOf(member: string): string | undefined {
    return this.problem.errors?.[member]?.join(' ');
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined | null>>;

/** The address with those parameters that have a value. */
export function addressOf(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') {
      parameters.set(name, String(value));
    }
  }

  const written = parameters.toString();
  return written ? `${path}?${written}` : path;
}

/** The same answer as a file; without a limit of rows it would be the first page alone. */
export const csvAddressOf = (path: string, query: Query = {}) => addressOf(path, { ...query, cursor: undefined, format: 'csv' });

interface Sent {
  body?: unknown;
  ifMatch?: number;
  signal?: AbortSignal;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { title: response.statusText || `HTTP ${response.status}` };
  }
}

async function send<Answer>(method: string, address: string, { body, ifMatch, signal }: Sent = {}): Promise<Answer> {
  // The header is what a form on another site cannot send.
  const headers: Record<string, string> = { accept: 'application/json', 'x-ccgate-csrf': '1' };
  if (body !== undefined) {
    headers['content-type'] = 'application/json';
  }

  if (ifMatch !== undefined) {
    headers['if-match'] = `"${ifMatch}"`;
  }

  const response = await fetch(address, { method, headers, credentials: 'same-origin', signal, body: body === undefined ? undefined : JSON.stringify(body) });
  if (!response.ok) {
    const wait = Number(response.headers.get('retry-after'));
    throw new ApiError(response.status, await problemOf(response), wait > 0 ? wait : undefined);
  }

  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** The gateway's API. Paths begin with `/api`. */
export const api = {
  get: <Answer>(path: string, query?: Query, signal?: AbortSignal) => send<Answer>('GET', addressOf(path, query), { signal }),
  post: <Answer>(path: string, body?: unknown) => send<Answer>('POST', path, { body: body ?? {} }),
  put: <Answer>(path: string, body: unknown, ifMatch?: number) => send<Answer>('PUT', path, { body, ifMatch }),
  del: <Answer = void>(path: string, query?: Query, ifMatch?: number) => send<Answer>('DELETE', addressOf(path, query), { ifMatch }),
};
