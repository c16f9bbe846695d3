// What the gateway answers under /api. Instants are ISO 8601 in UTC, money is USD; members that nobody knows are absent.
// `npm run types` makes document.d.ts of openapi.json.
import type { components } from './document';

export type Schemas = components['schemas'];

export type Instant = string;

export interface Page<Item> {
  items: Item[];
  next?: string;
}

export type SessionState = Schemas['Caller'];

/** RFC 9457. */
export type Problem = Schemas['ProblemDetails'] & Partial<Pick<Schemas['HttpValidationProblemDetails'], 'errors'>>;

export type OverviewMinute = Schemas['TrafficMinute'];

export type Overview = Schemas['OverviewReport'];

export type Outcome = RequestRow['outcome'];

export type UsageState = RequestRow['usageState'];

export type RequestRow = Schemas['RequestRow'];

export type TokenUsage = Schemas['TokenUsage'];

export type PriceLine = Schemas['PriceLine'];

/** (token lines × multipliers + call lines) × cost multiplier, rounded once. */
export type PriceExplanation = Schemas['PriceExplanation'];

export type AttemptExplanation = Schemas['AttemptExplanation'];

export type AdjustmentExplanation = Schemas['AdjustmentExplanation'];

export type RequestExplanation = Schemas['RequestExplanation'];

export type SessionRow = Schemas['SessionRow'];

export type LeaderboardRow = Schemas['LeaderboardRow'];

export type UsageTotals = Schemas['SpendTotals'];

export type UsageDimension = 'day' | 'hour' | 'model' | 'tenant' | 'key' | 'upstream';

export type UsageRow = Schemas['SpendRow'];

export type UsageReport = Schemas['SpendReport'];

export type Quota = Schemas['QuotaUse'];

export type Me = Schemas['MeReport'];

// Documents have the form of the configuration files' entries; what this page does not know is kept.
export type Document = Record<string, unknown>;

export type Tenant = Schemas['TenantItem'];

export type Key = Schemas['KeyItem'];

/** A key just issued: the secret is shown this once. */
export type IssuedKey = Key & Required<Pick<Key, 'secret'>>;

export type TenantDetail = Schemas['TenantDetail'];

export type AuditRow = Schemas['AuditEntry'];

export type ApiToken = Schemas['ApiTokenItem'];

export type IssuedApiToken = ApiToken & Required<Pick<ApiToken, 'token'>>;

export type Job = Schemas['BillingJob'];

export type Settings = Schemas['SettingsReport'];

export type Delivery = Schemas['NotificationDelivery'];
