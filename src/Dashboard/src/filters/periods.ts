const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Periods that end now, by the name that stands in the address. */
export const periodLengths = { '1h': hour, '24h': day, '7d': 7 * day, '30d': 30 * day, '90d': 90 * day } as const;

export type PeriodName = keyof typeof periodLengths;

export interface Period {
  from?: string;
  to?: string;
}

const isName = (name: string | undefined): name is PeriodName => name !== undefined && Object.hasOwn(periodLengths, name);

/**
 * The period of a page's filters: a name, or two bounds as typed. Usage is counted in quarter hours, so that a period by name begins on one; that also keeps the question the
 * same for a while, and with it what is already known of the answer.
 */
export function periodOf(filters: { period?: string; from?: string; to?: string }, now: Date, preset: PeriodName): Period {
  if (filters.from ?? filters.to) {
    return { from: instantOf(filters.from), to: instantOf(filters.to) };
  }

  const length = periodLengths[isName(filters.period) ? filters.period : preset];
  const quarter = 15 * minute;
  return { from: new Date(Math.floor((now.getTime() - length) / quarter) * quarter).toISOString() };
}

/** What an input of date and time gives is local; the gateway wants to know of what place. */
function instantOf(typed: string | undefined): string | undefined {
  const at = typed ? new Date(typed) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}
