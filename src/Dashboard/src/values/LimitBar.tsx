import { Group, Progress, Text } from '@mantine/core';
import type { Quota } from '../api/types';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { useNow } from './TimeText';
import { valueTexts } from './texts';

const windows = ['fiveHours', 'daily', 'weekly', 'monthly', 'total'] as const;

/** "daily.maxUSD" as people say it. */
export function useQuotaName() {
  const t = useTexts(valueTexts);
  const say = useTexts(words);
  return (quota: Quota) => {
    const window = windows.find((name) => quota.limit.startsWith(`${name}.`));
    const unit = quota.unit === 'USD' ? 'USD' : quota.unit === 'tokens' ? say('tokens') : say('requests');
    return `${window ? t(window) : quota.limit} · ${unit}`;
  };
}

/** How much of a limit is used, and when it starts over. The colour only repeats what the text says. */
export function LimitBar({ quota, tenant }: { quota: Quota; tenant?: string }) {
  const t = useTexts(valueTexts);
  const formats = useFormats();
  const nameOf = useQuotaName();
  const now = useNow(30);
  const amount = (value: number) => (quota.unit === 'USD' ? formats.money(value) : formats.number(value));
  const share = Math.min(1, quota.fraction);
  const used = t('used', { used: amount(quota.used), max: amount(quota.max) });
  const reset = quota.rolls ? t('rolls') : quota.windowEnd ? t('resets', { when: formats.relative(quota.windowEnd, now) }) : t('never');
  const owner = [quota.tenant === tenant ? '' : t('ofTenant', { tenant: quota.tenant }), quota.key ? t('ofKey', { key: quota.key }) : ''].filter(Boolean).join(', ');
  const name = owner ? `${nameOf(quota)} (${owner})` : nameOf(quota);
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={4}>
        <Text size="sm" fw={500}>
          {name}
        </Text>
        <Text size="sm">
          {used}
          {share >= 1 && ` · ${t('exhausted')}`}
        </Text>
      </Group>
      <Progress.Root size="lg">
        <Progress.Section value={share * 100} color={share >= 1 ? 'red' : share >= 0.8 ? 'orange' : 'blue'} aria-label={`${name}: ${used}`} aria-valuetext={`${used}, ${reset}`} />
      </Progress.Root>
      <Text size="xs" c="dimmed" mt={2} title={quota.windowEnd && formats.instant(quota.windowEnd)}>
        {reset}
        {quota.extra > 0 && ` · ${t('extra', { extra: amount(quota.extra) })}`}
      </Text>
    </div>
  );
}
