export type Rates = Partial<Record<'input' | 'output' | 'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h', number>>;

/** An entry as prices.json has it, and where it comes from. */
export interface PriceEntry {
  model: string;
  provider?: string;
  source?: 'shipped' | 'file' | 'operator';
  /** Without one it counts from ever. */
  effectiveFrom?: string;
  perMillion: Rates;
  perThousand: { webSearch?: number };
  aboveInputTokens?: { tokens: number; perMillion: Rates }[];
  speed?: Record<string, { perMillion: Rates }>;
  inferenceGeo?: Record<string, number>;
  serviceTier?: Record<string, number>;
}

export interface PriceList {
  version: string;
  at: string;
  prices: PriceEntry[];
}

export interface PriceChangeResult {
  id?: string;
  changed: string[];
  unchanged: string[];
  withdrawn: string[];
}

export interface PriceImportResult {
  dryRun: boolean;
  imported: string[];
  unchanged: string[];
  skipped: { model: string; reason: string }[];
  otherProviders: number;
}

export const rateClasses = ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const;

export const priceId = (entry: PriceEntry) => `${entry.model} ${entry.effectiveFrom ?? ''}`;
