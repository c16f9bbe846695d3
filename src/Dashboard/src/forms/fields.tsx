import { Autocomplete, NativeSelect, Switch, TagsInput, Textarea, TextInput, type MantineStyleProps } from '@mantine/core';
import { useState } from 'react';
import { useApi } from '../api/queries';
import type { Page, Tenant } from '../api/types';
import { useTexts } from '../text/language';
import { useField } from './FormContext';
import { formTexts } from './texts';

interface FieldProps extends MantineStyleProps {
  path: string;
  label: string;
  description?: string;
  required?: boolean;
  disabled?: boolean;
  placeholder?: string;
}

const textOf = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

export function TextField({ path, ...props }: FieldProps & { type?: 'text' | 'date' | 'time' | 'url'; step?: number }) {
  const { value, set, error } = useField(path);
  return <TextInput {...props} value={textOf(value)} error={error} onChange={(event) => set(event.currentTarget.value || undefined)} />;
}

export function AreaField({ path, ...props }: FieldProps) {
  const { value, set, error } = useField(path);
  return <Textarea {...props} autosize minRows={2} maxRows={8} value={textOf(value)} error={error} onChange={(event) => set(event.currentTarget.value || undefined)} />;
}

/** A number as it is typed; what is none is left to stand, so that it can be corrected. */
export function NumberField({ path, ...props }: FieldProps) {
  const t = useTexts(formTexts);
  const { value, set, error } = useField(path);
  const [typed, setTyped] = useState('');
  const shown = typed.trim() !== '' && Number(typed) === value ? typed : textOf(value);
  const change = (text: string) => {
    setTyped(text);
    const number = Number(text);
    set(text.trim() === '' ? undefined : Number.isFinite(number) ? number : text);
  };
  return (
    <TextInput {...props} inputMode="decimal" value={shown} error={error ?? (typeof value === 'string' ? t('notNumber') : undefined)} onChange={(event) => change(event.currentTarget.value)} />
  );
}

/** What is on or off; only what differs from the default is written. */
export function SwitchField({ path, label, description, isOnByDefault = false }: { path: string; label: string; description?: string; isOnByDefault?: boolean }) {
  const { value, set, error } = useField(path);
  const isOn = typeof value === 'boolean' ? value : isOnByDefault;
  return <Switch label={label} description={description} error={error} checked={isOn} onChange={(event) => set(event.currentTarget.checked === isOnByDefault ? undefined : event.currentTarget.checked)} />;
}

export interface Choice {
  value: string;
  label: string;
}

/** One of a few. Without a default there is always one chosen. */
export function ChoiceField({ path, options, defaultLabel, ...props }: FieldProps & { options: readonly Choice[]; defaultLabel?: string }) {
  const t = useTexts(formTexts);
  const { value, set, error } = useField(path);
  const unset = defaultLabel === undefined ? [] : [{ value: '', label: t('defaultChoice', { value: defaultLabel }) }];
  return <NativeSelect {...props} error={error} value={textOf(value)} data={[...unset, ...options]} onChange={(event) => set(event.currentTarget.value || undefined)} />;
}

/** A list of names. */
export function TagsField({ path, description, ...props }: FieldProps) {
  const t = useTexts(formTexts);
  const { value, set, error } = useField(path);
  const tags = Array.isArray(value) ? value.map(String) : [];
  return (
    <TagsInput
      {...props}
      description={[description, t('listHint')].filter(Boolean).join(' ')}
      value={tags}
      error={error}
      acceptValueOnBlur
      onChange={(next) => set(next.length > 0 ? next : undefined)}
    />
  );
}

/** A list of numbers, such as shares. */
export function NumbersField({ path, description, ...props }: FieldProps) {
  const t = useTexts(formTexts);
  const { value, set, error } = useField(path);
  const numbers = (text: string) => (Number.isFinite(Number(text)) ? Number(text) : text);
  return (
    <TagsInput
      {...props}
      description={[description, t('listHint')].filter(Boolean).join(' ')}
      value={Array.isArray(value) ? value.map(String) : []}
      error={error}
      acceptValueOnBlur
      onChange={(next) => set(next.length > 0 ? next.map(numbers) : undefined)}
    />
  );
}

const timeZones = Intl.supportedValuesOf('timeZone');

export function TimeZoneField({ path, ...props }: FieldProps) {
  const { value, set, error } = useField(path);
  return <Autocomplete {...props} data={timeZones} limit={50} value={textOf(value)} error={error} onChange={(next) => set(next || undefined)} />;
}

/** A tenant by id; the gateway finds them, since there may be thousands. */
export function TenantField({ path, without, ...props }: FieldProps & { without?: string }) {
  const { value, set, error } = useField(path);
  const { data } = useApi<Page<Tenant>>('/api/tenants', { q: textOf(value), limit: 20 });
  const ids = (data?.items ?? []).map((tenant) => tenant.id).filter((id) => id !== without);
  return <Autocomplete {...props} data={ids} filter={({ options }) => options} value={textOf(value)} error={error} onChange={(next) => set(next || undefined)} />;
}

/** An instant, entered in the reader's time zone. */
export function InstantField({ path, ...props }: FieldProps) {
  const { value, set, error } = useField(path);
  return <TextInput {...props} type="datetime-local" value={localOf(textOf(value))} error={error} onChange={(event) => set(instantOf(event.currentTarget.value))} />;
}

/** What an input of date and time takes: local, to the minute. */
function localOf(instant: string) {
  const at = new Date(instant);
  return Number.isNaN(at.getTime()) ? '' : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What such an input gives, as the gateway wants it. */
export function instantOf(local: string): string | undefined {
  const at = new Date(local);
  return local && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}
