import type { Document, Instant } from '../api/types';

export type CircuitState = 'closed' | 'open' | 'half_open';

export interface UpstreamKey {
  hint: string;
  state: CircuitState;
  reason?: string;
  openForSeconds?: number;
}

/** What is configured and, of an upstream that is enabled, what the proxies know of it. */
export interface Upstream {
  id: string;
  name: string;
  kind: string;
  url?: string;
  enabled: boolean;
  weight: number;
  priority: number;
  groups: string[];
  origin: string;
  version?: number;
  drained: boolean;
  fault?: string;
  document?: Document;
  health: { state: 'healthy' | 'unhealthy' | 'unknown'; why?: string; checkedAt?: Instant };
  circuit?: { state: CircuitState; reason?: string; openForSeconds?: number };
  keys?: UpstreamKey[];
  inFlight?: number;
  waiting?: number;
  maxConcurrent?: number;
  latencyMs?: number;
  spendTodayUsd?: number;
  dailyMaxUsd?: number;
  activeHours?: string;
}

export interface UpstreamList {
  proxy?: string;
  upstreams: Upstream[];
}

export interface TestStep {
  step: string;
  passed: boolean;
  ms?: number;
  result: string;
  change?: string;
}

export interface TestReport {
  upstream: string;
  model: string;
  modelFrom: string;
  passed: boolean;
  keys: { key: string; passed: boolean; steps: TestStep[] }[];
}

export interface Routing {
  origin: string;
  version?: number;
  loadBalancer: Document;
  openai: Document;
}
