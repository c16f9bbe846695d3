import { Button, Group, Input, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useField } from '../forms/FormContext';
import { formTexts } from '../forms/texts';
import { useTexts } from '../text/language';
import { upstreamTexts } from './texts';

export const strategies = ['weighted_round_robin', 'round_robin', 'random', 'least_connections', 'least_latency', 'cheapest', 'priority'];

/** Strategies by name, for what differs from the rest. */
export function StrategiesField({ path, label, nameLabel }: { path: string; label: string; nameLabel: string }) {
  const t = useTexts(upstreamTexts);
  const forms = useTexts(formTexts);
  const { value, set, error } = useField(path);
  const [rows, setRows] = useState(() => Object.entries((value ?? {}) as Record<string, { strategy?: string }>).map(([name, chosen], id) => ({ id, name, strategy: chosen.strategy ?? '' })));
  const change = (next: typeof rows) => {
    setRows(next);
    set(Object.fromEntries(next.filter((row) => row.name.trim() !== '').map((row) => [row.name.trim(), { strategy: row.strategy }])));
  };
  const edit = (id: number, changes: Partial<(typeof rows)[number]>) => change(rows.map((row) => (row.id === id ? { ...row, ...changes } : row)));
  return (
    <Input.Wrapper label={label} error={error} labelElement="div" role="group" aria-label={label}>
      <Stack gap="xs" mt={4}>
        {rows.map((row) => (
          <Group key={row.id} gap="xs" wrap="nowrap">
            <TextInput aria-label={nameLabel} placeholder={nameLabel} value={row.name} onChange={(event) => edit(row.id, { name: event.currentTarget.value })} style={{ flex: 1 }} />
            <NativeSelect aria-label={`${t('strategy')} (${row.name})`} value={row.strategy} data={strategies} onChange={(event) => edit(row.id, { strategy: event.currentTarget.value })} style={{ flex: 1 }} />
            <Button variant="default" px="xs" aria-label={forms('removeRow', { name: row.name })} onClick={() => change(rows.filter((other) => other.id !== row.id))}>
              ×
            </Button>
          </Group>
        ))}
        <Group>
          <Button
            size="compact-sm"
            variant="light"
            aria-label={forms('addTo', { list: label })}
            onClick={() => change([...rows, { id: Math.max(-1, ...rows.map((row) => row.id)) + 1, name: '', strategy: 'cheapest' }])}
          >
            {forms('add')}
          </Button>
        </Group>
      </Stack>
    </Input.Wrapper>
  );
}
