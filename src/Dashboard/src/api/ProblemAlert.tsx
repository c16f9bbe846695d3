import { Alert, Button, List, Stack, Text } from '@mantine/core';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { ApiError } from './client';

/** What is wrong, in the gateway's own words. */
export function useProblemText() {
  const t = useTexts(shellTexts);
  return (error: Error) => (error instanceof ApiError ? error.message : t('unreachable'));
}

/** An error where the content would be; in place of a blank page. */
export function ProblemAlert({ error, retry }: { error: Error; retry?: () => void }) {
  const t = useTexts(shellTexts);
  const say = useTexts(words);
  const textOf = useProblemText();
  const members = error instanceof ApiError ? Object.entries(error.problem.errors ?? {}) : [];
  return (
    <Alert color="red" role="alert" title={error instanceof ApiError && error.problem.detail && error.problem.title ? error.problem.title : t('problem')}>
      <Stack gap="xs" align="flex-start">
        {members.length === 0 && <Text size="sm">{textOf(error)}</Text>}
        {members.length > 0 && (
          <List size="sm">
            {members.map(([member, errors]) => (
              <List.Item key={member}>
                <b>{member}</b>: {errors.join(' ')}
              </List.Item>
            ))}
          </List>
        )}
        {retry && (
          <Button size="compact-sm" variant="light" color="red" onClick={retry}>
            {say('retry')}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
