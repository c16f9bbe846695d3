import { Button, Group, Input, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTexts } from '../text/language';
import { useField } from './FormContext';
import { formTexts } from './texts';

interface PairsFieldProps {
  path: string;
  label: string;
  description?: string;
  nameLabel: string;
  valueLabel: string;
  /** Values are not shown, and stay when they are left empty. */
  isSecret?: boolean;
}

interface Pair {
  id: number;
  name: string;
  /** Null is a secret that stays as it is. */
  value: string | null;
}

const pairsOf = (value: unknown): Pair[] =>
  Object.entries(typeof value === 'object' && value !== null ? value : {}).map(([name, text], id) => ({ id, name, value: typeof text === 'string' ? text : null }));

/** An object of texts by name, such as aliases of models. Rows without a name are not written. */
export function PairsField({ path, label, description, nameLabel, valueLabel, isSecret }: PairsFieldProps) {
  const t = useTexts(formTexts);
  const { value, set, error } = useField(path);
  const [pairs, setPairs] = useState(() => pairsOf(value));
  const change = (next: Pair[]) => {
    setPairs(next);
    const named = next.filter((pair) => pair.name.trim() !== '');
    // Secrets that are left out stay, so that having none has to be said.
    set(named.length > 0 || isSecret ? Object.fromEntries(named.map((pair) => [pair.name.trim(), pair.value])) : undefined);
  };
  const edit = (id: number, changes: Partial<Pair>) => change(pairs.map((pair) => (pair.id === id ? { ...pair, ...changes } : pair)));
  return (
    <Input.Wrapper label={label} description={description} error={error} labelElement="div" role="group" aria-label={label}>
      <Stack gap="xs" mt={4}>
        {pairs.map((pair) => (
          <Group key={pair.id} gap="xs" wrap="nowrap" align="flex-start">
            <TextInput aria-label={nameLabel} placeholder={nameLabel} value={pair.name} onChange={(event) => edit(pair.id, { name: event.currentTarget.value })} style={{ flex: 1 }} />
            <TextInput
              aria-label={`${valueLabel} (${pair.name})`}
              placeholder={isSecret && pair.value === null ? '••••' : valueLabel}
              type={isSecret ? 'password' : 'text'}
              autoComplete="off"
              value={pair.value ?? ''}
              onChange={(event) => edit(pair.id, { value: event.currentTarget.value || (isSecret ? null : '') })}
              style={{ flex: 1 }}
            />
            <Button variant="default" px="xs" aria-label={t('removeRow', { name: pair.name })} onClick={() => change(pairs.filter((other) => other.id !== pair.id))}>
              ×
            </Button>
          </Group>
        ))}
        <Group>
          <Button
            variant="light"
            size="compact-sm"
            aria-label={t('addTo', { list: label })}
            onClick={() => change([...pairs, { id: Math.max(-1, ...pairs.map((pair) => pair.id)) + 1, name: '', value: isSecret ? null : '' }])}
          >
            {t('add')}
          </Button>
        </Group>
      </Stack>
    </Input.Wrapper>
  );
}
