import { useFormats } from '../text/format';

/** A count, short for tiles and narrow tables. */
export function TokensText({ count, short }: { count: number | undefined; short?: boolean }) {
  const formats = useFormats();
  return <span title={count === undefined ? undefined : formats.number(count)}>{count === undefined ? '–' : short ? formats.short(count) : formats.number(count)}</span>;
}
