import type { Document } from '../api/types';

const isObject = (value: unknown): value is Document => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The member at a path such as `limits.daily.maxUSD`. */
export const readMember = (document: Document, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), document);

/** The document with one member changed. Nothing removes it, and the objects it leaves empty: an absent member means the default, an empty object means a decision. */
export function writeMember(document: Document, path: string, value: unknown): Document {
  const [name = '', ...rest] = path.split('.');
  const inner = isObject(document[name]) ? document[name] : {};
  const next = rest.length === 0 ? value : writeMember(inner, rest.join('.'), value);
  const isGone = next === undefined || (rest.length > 0 && Object.keys(next as Document).length === 0);
  return isGone ? Object.fromEntries(Object.entries(document).filter(([other]) => other !== name)) : { ...document, [name]: next };
}
