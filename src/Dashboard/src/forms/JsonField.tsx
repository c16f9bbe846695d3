import { Textarea } from '@mantine/core';
import { useState } from 'react';
import type { Document } from '../api/types';
import { useTexts } from '../text/language';
import { useForm } from './FormContext';
import { formTexts } from './texts';

/** The document itself, for what the form has no field for. The other fields begin anew with what was written when it is left. */
export function JsonField({ onWritten }: { onWritten: () => void }) {
  const t = useTexts(formTexts);
  const { document, replace } = useForm();
  const [typed, setTyped] = useState<string>();
  const [why, setWhy] = useState<string>();
  const read = (text: string) => {
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
        throw new Error('{ … }');
      }

      replace(parsed as Document);
      setTyped(undefined);
      setWhy(undefined);
      onWritten();
    } catch (error) {
      setWhy(t('notJson', { why: (error as Error).message }));
    }
  };
  return (
    <Textarea
      label={t('asJson')}
      description={t('asJsonHint')}
      autosize
      minRows={6}
      maxRows={24}
      spellCheck={false}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
      error={why}
      value={typed ?? JSON.stringify(document, null, 2)}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => typed !== undefined && read(typed)}
    />
  );
}
