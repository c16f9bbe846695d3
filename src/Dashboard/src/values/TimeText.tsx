import { useEffect, useState } from 'react';
import { useFormats } from '../text/format';

/** The time now, again every so many seconds. */
export function useNow(everySeconds: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(new Date()), everySeconds * 1000);
    return () => window.clearInterval(timer);
  }, [everySeconds]);
  return now;
}

/** An instant in the reader's time zone, or how long ago it was, with the other in the tooltip. */
export function TimeText({ at, relative }: { at: string | undefined; relative?: boolean }) {
  const formats = useFormats();
  const now = useNow(relative ? 10 : 3600);
  if (!at) {
    return <>–</>;
  }

  return (
    <time dateTime={at} title={relative ? formats.instant(at) : at} style={{ whiteSpace: 'nowrap' }}>
      {relative ? formats.relative(at, now) : formats.instant(at)}
    </time>
  );
}
