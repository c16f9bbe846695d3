import { useTexts } from '../text/language';
import { StateBadge } from '../values/StateBadge';
import { upstreamTexts } from './texts';
import type { CircuitState, Upstream } from './types';

const healthTones = { healthy: 'good', unhealthy: 'bad', unknown: 'off' } as const;
const circuitTones = { closed: 'good', half_open: 'warning', open: 'bad' } as const;

/** What an operator decided, and else what the checks say. */
export function HealthState({ upstream }: { upstream: Upstream }) {
  const t = useTexts(upstreamTexts);
  if (upstream.fault) {
    return <StateBadge tone="bad" label={t('unhealthy')} title={upstream.fault} />;
  }

  if (!upstream.enabled || upstream.drained) {
    return <StateBadge tone={upstream.enabled ? 'warning' : 'off'} label={t(upstream.enabled ? 'drained' : 'disabled')} />;
  }

  return <StateBadge tone={healthTones[upstream.health.state]} label={t(upstream.health.state)} title={upstream.health.why} />;
}

export function CircuitBadge({ circuit }: { circuit: { state: CircuitState; reason?: string } | undefined }) {
  const t = useTexts(upstreamTexts);
  return circuit ? <StateBadge tone={circuitTones[circuit.state]} label={t(circuit.state)} title={circuit.reason} /> : <>–</>;
}
