import type { Instant } from '../api/types';

export interface VerifyResult {
  position: number;
  events: number;
  requests: number;
  attempts: number;
  spendUsd: number;
  rowsUsd: number;
  differenceCount: number;
  differences: { kind: string; subject: string; expected: string; actual: string }[];
  isRight: boolean;
}

export interface RebuildResult {
  identical: boolean;
  projections: { projection: string; position: number; liveRows: number; rebuiltRows: number; onlyLive: number; onlyRebuilt: number; identical: boolean }[];
}

export interface RerateRow {
  tenant?: string;
  model?: string;
  requests: number;
  chargedUsd: number;
  reratedUsd: number;
  differenceUsd: number;
}

export interface RerateResult {
  priceVersion: string;
  rows: RerateRow[];
  total: RerateRow;
  leftOut: { unknownUsage: number; imported: number; noPrice: number };
  requestsThatDiffer: number;
  adjusted?: number;
}

export interface UnknownItem {
  requestId: string;
  tenant: string;
  key: string;
  admittedAt: Instant;
  upstream: string;
  model: string;
  why: string;
  heldUsd: number;
  heldTokens: number;
  settledAt?: Instant;
}

export interface UnknownReport {
  count: number;
  heldUsd: number;
  items: UnknownItem[];
}

export interface ReconciliationReport {
  agrees: boolean;
  upstreams: string[];
  format: string;
  from: string;
  to: string;
  threshold: number;
  days: { day: string; metric: string; metered: number; reported: number; captureRatio?: number; reason?: string }[];
  driftCount: number;
  drift: { day: string; model?: string; metric: string; metered: number; reported: number; difference: number }[];
}
