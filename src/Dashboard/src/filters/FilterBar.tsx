import { Button, Group, NativeSelect, Paper, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useState, type ReactNode } from 'react';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import type { Filters } from './filters';
import { filterTexts } from './texts';

export interface Filter<Name extends string> {
  name: Name;
  label: string;
  /** What there is to choose from; without it any text can be typed. */
  options?: readonly { value: string; label: string }[];
  width?: number;
}

interface FilterBarProps<Name extends string> {
  filters: readonly Filter<Name>[];
  values: Filters<Name>;
  change: (changes: Filters<Name>) => void;
  /** Such as the period. */
  children?: ReactNode;
}

/** The filters of a page. Typed ones take effect after a short rest. */
export function FilterBar<Name extends string>({ filters, values, change, children }: FilterBarProps<Name>) {
  const t = useTexts(filterTexts);
  const say = useTexts(words);
  const isSet = filters.some((filter) => values[filter.name]);
  const clear = () => change(Object.fromEntries(filters.map((filter) => [filter.name, undefined])) as Filters<Name>);
  const set = (name: Name, value: string) => change({ [name]: value || undefined } as Filters<Name>);
  return (
    <Paper component="search" aria-label={t('filters')} withBorder p="sm" radius="md">
      <Group gap="xs" align="flex-end">
        {children}
        {filters.map((filter) =>
          filter.options ? (
            <NativeSelect
              key={filter.name}
              label={filter.label}
              w={filter.width ?? 140}
              value={values[filter.name] ?? ''}
              onChange={(event) => set(filter.name, event.currentTarget.value)}
              data={[{ value: '', label: say('all') }, ...filter.options]}
            />
          ) : (
            // Another value from outside, such as by going back, begins a new input.
            <TypedFilter key={filter.name} filter={filter} value={values[filter.name] ?? ''} set={set} />
          ),
        )}
        {isSet && (
          <Button variant="subtle" onClick={clear}>
            {t('clear')}
          </Button>
        )}
      </Group>
    </Paper>
  );
}

function TypedFilter<Name extends string>({ filter, value, set }: { filter: Filter<Name>; value: string; set: (name: Name, value: string) => void }) {
  const [typed, setTyped] = useState<{ text: string; over: string }>();
  const send = useDebouncedCallback((text: string) => set(filter.name, text.trim()), 350);
  // What was typed counts for as long as the address is as it was then, or has taken it over.
  const isCurrent = typed !== undefined && (typed.over === value || typed.text.trim() === value);
  return (
    <TextInput
      label={filter.label}
      w={filter.width ?? 140}
      value={isCurrent ? typed.text : value}
      onChange={(event) => {
        setTyped({ text: event.currentTarget.value, over: value });
        send(event.currentTarget.value);
      }}
    />
  );
}
