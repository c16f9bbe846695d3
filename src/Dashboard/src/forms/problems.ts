/** What is wrong with the members that are on the form, and what has no place there. */
export interface SortedProblems {
  members: Record<string, string>;
  rest: string[];
}

/** `$.document.limits.daily` as the form calls it. */
const memberOf = (path: string) => path.replace(/^\$\.?/, '').replace(/^document\.?/, '').replace(/^prices\[0\]/, 'prices');

const isWithin = (path: string, member: string) => path === member || path.startsWith(`${member}.`) || path.startsWith(`${member}[`);

/** Gives each of the gateway's validation problems to the field it is about: to the field of the object, when it is about a part of it. */
export function sortProblems(errors: Readonly<Record<string, readonly string[]>>, members: Iterable<string>): SortedProblems {
  const known = [...members].sort((left, right) => right.length - left.length);
  const sorted: SortedProblems = { members: {}, rest: [] };
  for (const [path, texts] of Object.entries(errors)) {
    const member = memberOf(path);
    const field = known.find((name) => isWithin(member, name));
    const said = texts.join(' ');
    if (field === undefined) {
      sorted.rest.push(member ? `${member}: ${said}` : said);
      continue;
    }

    const part = member.slice(field.length).replace(/^\./, '');
    sorted.members[field] = [sorted.members[field], part ? `${part}: ${said}` : said].filter(Boolean).join(' ');
  }

  return sorted;
}
