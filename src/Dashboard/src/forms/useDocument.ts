import { useCallback, useMemo, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import { useProblemText } from '../api/ProblemAlert';
import type { Document } from '../api/types';
import { readMember, writeMember } from './document';
import type { FormAccess } from './FormContext';
import { sortProblems, type SortedProblems } from './problems';

const noProblems: SortedProblems = { members: {}, rest: [] };

/** A document while it is edited, and what the gateway said about it. */
export function useDocument(initial: Document) {
  const textOf = useProblemText();
  const [document, setDocument] = useState(initial);
  const [problems, setProblems] = useState(noProblems);
  const fields = useRef(new Map<string, number>());

  const register = useCallback((path: string) => {
    const known = fields.current;
    known.set(path, (known.get(path) ?? 0) + 1);
    return () => {
      const left = (known.get(path) ?? 1) - 1;
      if (left > 0) {
        known.set(path, left);
      } else {
        known.delete(path);
      }
    };
  }, []);
  const set = useCallback((path: string, value: unknown) => {
    setDocument((current) => (readMember(current, path) === value ? current : writeMember(current, path, value)));
    // What was said about it was about another value.
    setProblems((current) => ({ ...current, members: Object.fromEntries(Object.entries(current.members).filter(([name]) => name !== path)) }));
  }, []);
  const access = useMemo<FormAccess>(() => ({ document, set, replace: setDocument, errors: problems.members, register }), [document, set, problems.members, register]);

  return {
    access,
    problems,
    isChanged: JSON.stringify(document) !== JSON.stringify(initial),
    report: (error: Error) => setProblems(error instanceof ApiError && error.problem.errors ? sortProblems(error.problem.errors, fields.current.keys()) : { members: {}, rest: [textOf(error)] }),
  };
}

/** Brings whoever saved in vain to the first field that is wrong, or to the text above, once they are there. */
export function focusProblem(form: HTMLElement | null) {
  requestAnimationFrame(() => (form?.querySelector<HTMLElement>('[aria-invalid="true"]') ?? form?.querySelector<HTMLElement>('[data-problems]'))?.focus());
}
