import { Alert, List, Text } from '@mantine/core';
import { useTexts } from '../text/language';
import type { SortedProblems } from './problems';
import { formTexts } from './texts';

/** Above a form that was refused: what has no field there, or that fields below are wrong. */
export function ProblemList({ problems }: { problems: SortedProblems }) {
  const t = useTexts(formTexts);
  if (problems.rest.length === 0 && Object.keys(problems.members).length === 0) {
    return null;
  }

  return (
    <Alert color="red" role="alert" title={t('notSaved')} tabIndex={-1} data-problems>
      {problems.rest.length === 0 ? (
        <Text size="sm">{t('seeFields')}</Text>
      ) : (
        <List size="sm">
          {problems.rest.map((text) => (
            <List.Item key={text}>{text}</List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}
