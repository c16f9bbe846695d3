import { notifications } from '@mantine/notifications';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';
import { useProblemText } from './ProblemAlert';

/** Short notices at the edge of the page: `done` for what worked, `failed` as a mutation's `onError`. */
export function useNotices() {
  const t = useTexts(shellTexts);
  const textOf = useProblemText();
  return {
    done: (message: string) => notifications.show({ message, color: 'teal' }),
    failed: (error: Error) => notifications.show({ title: t('problem'), message: textOf(error), color: 'red', autoClose: 10_000 }),
  };
}
