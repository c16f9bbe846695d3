import { ChoiceField, NumberField, SwitchField, TagsField, TextField, TimeZoneField } from '../forms/fields';
import { PairsField } from '../forms/PairsField';
import { SecretsField } from '../forms/SecretsField';
import { Section } from '../forms/Section';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { upstreamTexts } from './texts';

const kinds = ['anthropic', 'openai', 'openai-responses', 'gemini', 'simulator'].map((kind) => ({ value: kind, label: kind }));
const rotations = ['random', 'first'].map((rotation) => ({ value: rotation, label: rotation }));

/** All there is to say about an upstream. */
export function UpstreamFields({ isNew, id, hints }: { isNew?: boolean; id: string; hints: readonly string[] }) {
  const t = useTexts(upstreamTexts);
  const say = useTexts(words);
  return (
    <>
      <Section title={t('identity')}>
        <TextField path="id" label={t('id')} description={t('idHint')} required disabled={!isNew} />
        <TextField path="name" label={say('name')} placeholder={id} />
        <ChoiceField path="kind" label={t('kind')} defaultLabel="anthropic" options={kinds.slice(1)} />
        <TextField path="url" label={t('url')} placeholder="https://api.anthropic.com" />
        <TagsField path="groups" label={t('groups')} placeholder="default" />
        <SwitchField path="enabled" label={t('enabled')} isOnByDefault />
      </Section>
      <Section title={t('secrets')}>
        <SecretsField path="keys" label={t('keys')} hints={hints} />
        <PairsField path="headers" label={t('headers')} nameLabel={t('header')} valueLabel={t('value')} isSecret />
        <TextField path="authHeader" label={t('authHeader')} placeholder="x-api-key" />
        <ChoiceField path="keyRotation" label={t('keyRotation')} defaultLabel="round_robin" options={rotations} />
      </Section>
      <Section title={t('models')}>
        <TagsField path="models" label={t('served')} description={t('servedHint')} placeholder="*" />
        <PairsField path="modelMapping" label={t('mapping')} nameLabel={t('asked')} valueLabel={say('model')} />
        <NumberField path="costMultiplier" label={t('costMultiplier')} placeholder="1" />
        <NumberField path="dailyMaxUSD" label={t('dailyMax')} />
      </Section>
      <Section title={t('load')} cols={3}>
        <NumberField path="weight" label={t('weight')} placeholder="100" />
        <NumberField path="priority" label={t('priority')} description={t('priorityHint')} placeholder="0" />
        <NumberField path="maxConcurrent" label={t('maxConcurrent')} description={t('zeroNone')} placeholder="0" />
        <NumberField path="queue.max" label={t('queueMax')} />
        <NumberField path="queue.waitSeconds" label={t('queueWait')} />
        <TextField path="activeHours.from" label={t('hoursFrom')} placeholder="08:00" />
        <TextField path="activeHours.to" label={t('hoursTo')} placeholder="20:00" />
        <TimeZoneField path="activeHours.timezone" label={t('hoursZone')} placeholder="UTC" />
      </Section>
      <Section title={t('connection')}>
        <TextField path="proxy" label={t('proxy')} description={t('proxyHint')} placeholder="socks5://user:password@host:1080" />
        <SwitchField path="proxyFallback" label={t('proxyFallback')} />
        <NumberField path="timeouts.connectSeconds" label={t('connectSeconds')} placeholder="10" />
        <NumberField path="timeouts.firstByteSeconds" label={t('firstByteSeconds')} placeholder="120" />
        <NumberField path="timeouts.idleSeconds" label={t('idleSeconds')} placeholder="120" />
        <NumberField path="timeouts.totalSeconds" label={t('totalSeconds')} />
      </Section>
      <Section title={t('checks')}>
        <SwitchField path="healthCheck.enabled" label={t('checkEnabled')} isOnByDefault />
        <TextField path="healthCheck.path" label={t('path')} placeholder="/v1/models" />
        <NumberField path="healthCheck.intervalSeconds" label={t('intervalSeconds')} placeholder="30" />
      </Section>
      <Section title={t('breaker')}>
        <SwitchField path="circuitBreaker.enabled" label={t('breakerEnabled')} isOnByDefault />
        <NumberField path="circuitBreaker.failures" label={t('failures')} placeholder="5" />
        <NumberField path="circuitBreaker.openSeconds" label={t('openSeconds')} placeholder="60" />
        <NumberField path="circuitBreaker.successes" label={t('successes')} placeholder="2" />
      </Section>
    </>
  );
}
