import { Badge } from '@mantine/core';
import type { Outcome } from '../api/types';
import { useTexts } from '../text/language';
import { requestTexts } from './texts';

const colours: Record<Outcome, string> = { Succeeded: 'teal', Failed: 'red', ClientAborted: 'gray', UpstreamTruncated: 'orange', Interrupted: 'orange' };

/** How a request ended; one from a newer gateway is shown as it is called. */
export function OutcomeText({ outcome }: { outcome: Outcome | undefined }) {
  const t = useTexts(requestTexts);
  if (!outcome) {
    return <>–</>;
  }

  return (
    <Badge variant="light" color={colours[outcome] ?? 'gray'} tt="none" fw={500}>
      {outcome in colours ? t(outcome) : outcome}
    </Badge>
  );
}
