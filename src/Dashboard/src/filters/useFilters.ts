import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { readFilters, writeFilters, type Filters } from './filters';

/** The filters of a page, kept in its address, so that it can be shared and gone back to. */
export function useFilters<Name extends string>(names: readonly Name[]): [Filters<Name>, (changes: Filters<Name>) => void] {
  const [address, setAddress] = useSearchParams();
  const written = address.toString();
  const wanted = names.join();
  const filters = useMemo(() => readFilters(wanted.split(',') as Name[], new URLSearchParams(written)), [wanted, written]);
  const change = useCallback((changes: Filters<Name>) => setAddress((current) => writeFilters(current, changes), { replace: true }), [setAddress]);
  return [filters, change];
}
