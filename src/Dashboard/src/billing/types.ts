import type { Schemas } from '../api/types';

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

export type UnknownItem = Schemas['UnsettledItem'];

export type UnknownReport = Schemas['UnsettledReport'];

export type ReconciliationReport = Schemas['ReconciliationReport'];
