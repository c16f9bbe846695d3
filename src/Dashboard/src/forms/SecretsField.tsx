import { Button, Group, Input, PasswordInput, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTexts } from '../text/language';
import { useField } from './FormContext';
import { formTexts } from './texts';

/** A list of secrets, which are never shown. Left empty it stays as it is; what is typed takes the place of all of them. */
export function SecretsField({ path, label, hints }: { path: string; label: string; hints: readonly string[] }) {
  const t = useTexts(formTexts);
  const { set, error } = useField(path);
  const [typed, setTyped] = useState(['']);
  const change = (next: string[]) => {
    setTyped(next);
    const written = next.filter((secret) => secret !== '');
    set(written.length > 0 ? written : undefined);
  };
  const known = hints.map((hint) => (hint ? `…${hint}` : '••••')).join(', ');
  return (
    <Input.Wrapper label={label} labelElement="div" role="group" aria-label={label} description={known ? `${known}. ${t('unchangedSecret')}` : undefined} error={error}>
      <Stack gap="xs" mt={4}>
        {typed.map((secret, index) => (
          <PasswordInput
            key={index}
            aria-label={`${label} ${index + 1}`}
            placeholder={hints[index] ? `••••${hints[index]}` : undefined}
            autoComplete="new-password"
            value={secret}
            onChange={(event) => change(typed.map((other, at) => (at === index ? event.currentTarget.value : other)))}
          />
        ))}
        <Group>
          <Button size="compact-sm" variant="light" aria-label={t('addTo', { list: label })} onClick={() => setTyped([...typed, ''])}>
            {t('add')}
          </Button>
        </Group>
      </Stack>
    </Input.Wrapper>
  );
}
