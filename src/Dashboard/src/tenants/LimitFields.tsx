import { Fieldset, SimpleGrid, Stack, Text } from '@mantine/core';
import { NumberField, NumbersField } from '../forms/fields';
import { Section } from '../forms/Section';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { valueTexts } from '../values/texts';
import { tenantTexts } from './texts';

export const windows = ['fiveHours', 'daily', 'weekly', 'monthly', 'total'] as const;

/** What may be spent in each window: of a tenant, or of one of its keys. */
export function WindowFields() {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  const name = useTexts(valueTexts);
  return (
    <Fieldset legend={t('windows')} radius="md">
      <Text size="xs" c="dimmed" mb="xs">
        {t('unlimited')}
      </Text>
      <Stack gap="xs">
        {windows.map((window) => (
          <SimpleGrid key={window} cols={3} spacing="xs" role="group" aria-label={name(window)} style={{ alignItems: 'end' }}>
            <NumberField path={`limits.${window}.maxUSD`} label={`${name(window)} · ${t('usd')}`} />
            <NumberField path={`limits.${window}.maxTokens`} label={`${name(window)} · ${say('tokens')}`} />
            <NumberField path={`limits.${window}.maxRequests`} label={`${name(window)} · ${say('requests')}`} />
          </SimpleGrid>
        ))}
      </Stack>
    </Fieldset>
  );
}

export function RateFields() {
  const t = useTexts(tenantTexts);
  return (
    <Section title={t('rates')}>
      <NumberField path="limits.requestsPerMinute" label={t('requestsPerMinute')} />
      <NumberField path="limits.tokensPerMinute" label={t('tokensPerMinute')} />
      <NumberField path="limits.concurrentRequests" label={t('concurrentRequests')} />
      <NumberField path="limits.concurrentSessions" label={t('concurrentSessions')} />
      <NumbersField path="limits.alertAt" label={t('alertAt')} description={t('alertHint')} placeholder="0.8" />
    </Section>
  );
}
