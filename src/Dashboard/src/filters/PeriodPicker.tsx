import { Group, NativeSelect, TextInput } from '@mantine/core';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import type { Filters } from './filters';
import type { PeriodName } from './periods';
import { filterTexts } from './texts';

type PeriodFilter = 'period' | 'from' | 'to';

/** What an input of date and time takes: local, to the minute. */
function inputValue(instant: Date) {
  const local = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** A period by name, or between two instants. */
export function PeriodPicker({ filters, change, preset }: { filters: Filters<PeriodFilter>; change: (changes: Filters<PeriodFilter>) => void; preset: PeriodName }) {
  const t = useTexts(filterTexts);
  const say = useTexts(words);
  const isCustom = Boolean(filters.from ?? filters.to);
  const choose = (value: string) =>
    change(value === 'custom' ? { period: undefined, from: inputValue(new Date(Date.now() - 86_400_000)), to: inputValue(new Date()) } : { period: value, from: undefined, to: undefined });
  return (
    <Group gap="xs" align="flex-end">
      <NativeSelect
        label={t('period')}
        value={isCustom ? 'custom' : (filters.period ?? preset)}
        onChange={(event) => choose(event.currentTarget.value)}
        data={[
          { value: '1h', label: t('lastHour') },
          { value: '24h', label: t('lastDay') },
          { value: '7d', label: t('lastWeek') },
          { value: '30d', label: t('lastMonth') },
          { value: '90d', label: t('lastQuarter') },
          { value: 'custom', label: t('custom') },
        ]}
      />
      {isCustom && (
        <>
          <TextInput type="datetime-local" label={say('from')} value={filters.from ?? ''} onChange={(event) => change({ from: event.currentTarget.value })} />
          <TextInput type="datetime-local" label={say('to')} value={filters.to ?? ''} onChange={(event) => change({ to: event.currentTarget.value })} />
        </>
      )}
    </Group>
  );
}
