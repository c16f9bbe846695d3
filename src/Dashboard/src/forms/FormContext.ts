import { createContext, useContext, useEffect } from 'react';
import type { Document } from '../api/types';
import { readMember } from './document';

export interface FormAccess {
  document: Document;
  set: (path: string, value: unknown) => void;
  replace: (document: Document) => void;
  /** By path, what the gateway says is wrong. */
  errors: Record<string, string>;
  /** Makes a path known as one that has a field; the answer takes it back. */
  register: (path: string) => () => void;
}

export const FormContext = createContext<FormAccess | undefined>(undefined);

export function useForm(): FormAccess {
  const form = useContext(FormContext);
  if (!form) {
    throw new Error('A field needs a DocumentForm above it.');
  }

  return form;
}

/** One member of the document that is edited. */
export function useField(path: string) {
  const { document, set, errors, register } = useForm();
  useEffect(() => register(path), [register, path]);
  return { value: readMember(document, path), set: (value: unknown) => set(path, value), error: errors[path] };
}
