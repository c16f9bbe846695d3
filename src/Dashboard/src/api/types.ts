// What the gateway answers under /api. Instants are ISO 8601 in UTC, money is USD; members that nobody knows are absent.

export type Instant = string;

export interface Page<Item> {
  items: Item[];
  next?: string;
}

export interface SessionState {
  role: 'operator' | 'tenant';
  scope: 'admin' | 'read';
  name: string;
  tenant?: string;
  key?: string;
  expiresAt: Instant;
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: Record<string, string[]>;
}

export interface Quantiles {
  p50: number;
  p95: number;
}

export interface OverviewMinute {
  at: Instant;
  requests: number;
  errors: number;
  spendUsd: number;
  outputTokens: number;
}

export interface Overview {
  at: Instant;
  requestsPerSecond?: number;
  inFlight?: number;
  spendTodayUsd: number;
  requestsToday: number;
  errorsToday: number;
  errorShare?: number;
  latencyMs?: Quantiles;
  firstByteMs?: Quantiles;
  cacheHitShare?: number;
  projectionLag?: { events: number; seconds: number };
  journal?: { depth: number; oldestSeconds?: number };
  openHolds?: { count: number; usd: number };
  unknownUsage?: { items: number; usd: number };
  upstreams?: { total: number; usable: number; open: number };
  /** By minute for the last hour; the live events come without it. */
  series?: OverviewMinute[];
}

export type Outcome = 'Succeeded' | 'Failed' | 'ClientAborted' | 'UpstreamTruncated' | 'Interrupted';

export type UsageState = 'Known' | 'KnownZero' | 'Estimated' | 'Unknown';

export interface RequestRow {
  id: string;
  admittedAt: Instant;
  completedAt: Instant;
  tenant: string;
  key: string;
  session?: string;
  surface: string;
  requestedModel: string;
  model?: string;
  upstream?: string;
  streaming: boolean;
  outcome: Outcome;
  status?: number;
  attempts: number;
  durationMs: number;
  firstByteMs?: number;
  inputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  webSearches: number;
  usageState: UsageState;
  spendUsd: number;
  heldUsd: number;
}

export interface TokenUsage {
  inputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  webSearches: number;
  serviceTier?: string;
  inferenceGeo?: string;
  speed?: string;
  rawUsage?: unknown;
}

export interface PriceLine {
  class: string;
  count: number;
  rateUsd: number;
  per: number;
  amountUsd: number;
}

/** (token lines × multipliers + call lines) × cost multiplier, rounded once. */
export interface PriceExplanation {
  model: string;
  effectiveFrom: string;
  speed?: string;
  aboveInputTokens?: number;
  tokens: PriceLine[];
  geoMultiplier: number;
  serviceTierMultiplier: number;
  calls: PriceLine[];
  costMultiplier: number;
  exactUsd: number;
  spendUsd: number;
}

export interface AttemptExplanation {
  number: number;
  upstream?: string;
  upstreamKeyHint?: string;
  providerModel?: string;
  startedAt: Instant;
  firstByteAt?: Instant;
  endedAt: Instant;
  statusCode?: number;
  failure?: string;
  reason?: string;
  usage: TokenUsage;
  usageState?: UsageState;
  priceVersion?: string;
  price?: PriceExplanation;
  note?: string;
  spendUsd: number;
}

export interface AdjustmentExplanation {
  ordinal: number;
  kind?: string;
  reason?: string;
  by?: string;
  adjustedAt: Instant;
  lines: { attempt?: number; spendUsd: number }[];
  spendUsd: number;
  releasedUsd: number;
  releasedTokens: number;
}

export interface RequestExplanation {
  requestId: string;
  tenant?: string;
  key?: string;
  session?: string;
  surface?: string;
  requestedModel?: string;
  streaming: boolean;
  outcome?: Outcome;
  admittedAt: Instant;
  completedAt: Instant;
  proxyInstance?: string;
  importedFrom?: string;
  heldUsd: number;
  heldTokens: number;
  unsettledUsd: number;
  unsettledTokens: number;
  attempts: AttemptExplanation[];
  adjustments: AdjustmentExplanation[];
  chargedUsd: number;
  adjustedUsd: number;
  totalUsd: number;
}

export interface SessionRow {
  id: string;
  tenant: string;
  key: string;
  firstAt: Instant;
  lastAt: Instant;
  active: boolean;
  requests: number;
  spendUsd: number;
  inputTokens: number;
  cacheReadTokens: number;
  outputTokens: number;
  model?: string;
  upstream?: string;
}

export interface LeaderboardRow {
  rank: number;
  id: string;
  name?: string;
  spendUsd: number;
  requests: number;
  tokens: number;
  share: number;
}

export interface UsageTotals {
  requests: number;
  errors: number;
  inputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  webSearches: number;
  totalTokens: number;
  spendUsd: number;
  durationMs: number;
}

export type UsageDimension = 'day' | 'hour' | 'model' | 'tenant' | 'key' | 'upstream';

export type UsageRow = UsageTotals & Partial<Record<UsageDimension, string>>;

export interface UsageReport {
  by: string;
  from: Instant | null;
  to: Instant | null;
  timezone: string;
  rows: UsageRow[];
  total: UsageTotals;
}

export interface Quota {
  tenant: string;
  key?: string;
  /** Such as `daily.maxUSD`. */
  limit: string;
  unit: 'USD' | 'tokens' | 'requests';
  used: number;
  max: number;
  extra: number;
  windowStart: Instant;
  /** Absent when the window never starts over. */
  windowEnd?: Instant;
  remaining: number;
  fraction: number;
  rolls: boolean;
}

export interface Me {
  id: string;
  name: string;
  timezone: string;
  key: string;
  enabled: boolean;
  limits: Quota[];
  keys: { id: string; label?: string; hint?: string }[];
  models: string[];
}

// Documents have the form of the configuration files' entries; what this page does not know is kept.
export type Document = Record<string, unknown>;

export interface Tenant {
  id: string;
  name: string;
  origin: 'file' | 'operator';
  version?: number;
  enabled: boolean;
  parent?: string;
  groups?: string[];
  timezone: string;
  note?: string;
  expiresAt?: Instant;
  /** How many. */
  keys: number;
  limits?: Document;
  allowedModels?: string[];
}

export interface Key {
  tenant: string;
  id: string;
  label?: string;
  hint?: string;
  origin: 'file' | 'operator';
  createdAt?: Instant;
  expiresAt?: Instant;
  state: 'active' | 'expired' | 'revoked' | 'rotating';
  limits?: Document;
}

/** A key just issued: the secret is shown this once. */
export type IssuedKey = Key & { secret: string };

export type TenantDetail = Omit<Tenant, 'keys'> & { document: Document; keys: Key[] };

export interface AuditRow {
  position: number;
  at: Instant;
  by: string;
  type: string;
  subject: string;
  change: string;
  reason?: string;
  data: unknown;
}

export interface ApiToken {
  id: string;
  name: string;
  scope: 'admin' | 'read';
  createdAt: Instant;
  expiresAt?: Instant;
  lastUsedAt?: Instant;
  hint: string;
  by: string;
}

export type IssuedApiToken = ApiToken & { token: string };

export interface Job {
  id: string;
  kind: string;
  state: 'running' | 'done' | 'failed';
  by: string;
  startedAt: Instant;
  endedAt?: Instant;
  progress?: { done: number; total: number };
  result?: unknown;
  error?: string;
}

export interface Settings {
  version: string;
  startedAt: Instant;
  mode: 'run' | 'projections';
  configuration: { directory?: string; files: string[] };
  settings: { name: string; value: unknown; source: string }[];
}

export interface Delivery {
  at: Instant;
  kind: string;
  channel: string;
  state: string;
  error?: string;
}
