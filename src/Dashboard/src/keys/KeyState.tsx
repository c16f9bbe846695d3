import type { Key } from '../api/types';
import { useTexts } from '../text/language';
import { StateBadge } from '../values/StateBadge';
import { keyTexts } from './texts';

const tones = { active: 'good', rotating: 'warning', expired: 'off', revoked: 'bad' } as const;

/** Whether a key is accepted. */
export function KeyState({ state }: { state: Key['state'] }) {
  const t = useTexts(keyTexts);
  return <StateBadge tone={tones[state]} label={t(state)} />;
}
