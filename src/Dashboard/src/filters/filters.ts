/** What a page is filtered by, as the address of the page holds it: text by name, nothing for what is not set. */
export type Filters<Name extends string> = Partial<Record<Name, string>>;

/** Reads the filters there are; other parameters of the address are somebody else's. */
export function readFilters<Name extends string>(names: readonly Name[], address: URLSearchParams): Filters<Name> {
  const filters: Filters<Name> = {};
  for (const name of names) {
    const value = address.get(name);
    if (value) {
      filters[name] = value;
    }
  }

  return filters;
}

/** The address with these filters changed and all else kept; an empty one leaves it. */
export function writeFilters<Name extends string>(address: URLSearchParams, changes: Filters<Name>): URLSearchParams {
  const written = new URLSearchParams(address);
  for (const [name, value] of Object.entries<string | undefined>(changes)) {
    if (value) {
      written.set(name, value);
    } else {
      written.delete(name);
    }
  }

  return written;
}
