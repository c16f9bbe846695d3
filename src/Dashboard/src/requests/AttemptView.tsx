import { Code, Paper, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import type { AttemptExplanation } from '../api/types';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { PriceView } from './PriceView';
import { FactList } from './RequestView';
import { requestTexts } from './texts';

/** One attempt: whom it asked and why, what came of it, what it used and what that costs. */
export function AttemptView({ attempt }: { attempt: AttemptExplanation }) {
  const t = useTexts(requestTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const { usage } = attempt;
  const count = (tokens: number) => (tokens ? formats.number(tokens) : undefined);
  const facts: [string, ReactNode][] = [
    [say('status'), attempt.statusCode],
    [t('failure'), attempt.failure],
    [t('why'), attempt.reason],
    [t('servedModel'), attempt.providerModel],
    [t('keyHint'), attempt.upstreamKeyHint && `…${attempt.upstreamKeyHint}`],
    [say('firstByte'), attempt.firstByteAt && formats.duration(new Date(attempt.firstByteAt).getTime() - new Date(attempt.startedAt).getTime())],
    [t('usageState'), attempt.usageState && t(attempt.usageState)],
    [say('inputTokens'), count(usage.inputTokens)],
    [say('cacheReadTokens'), count(usage.cacheReadTokens)],
    [say('cacheWriteTokens'), count(usage.cacheWrite5mTokens + usage.cacheWrite1hTokens)],
    [say('outputTokens'), count(usage.outputTokens)],
    [say('reasoningTokens'), count(usage.reasoningTokens)],
    [say('webSearches'), count(usage.webSearches)],
  ];
  return (
    <Paper withBorder p="sm" radius="md">
      <Stack gap="sm">
        <Title order={3} size="h5">
          {t('attempt', { number: attempt.number, upstream: attempt.upstream ?? '–' })}
        </Title>
        <FactList facts={facts} />
        {attempt.note && <Text size="sm">{attempt.note}</Text>}
        {attempt.price && <PriceView price={attempt.price} version={attempt.priceVersion ?? '–'} />}
        {usage.rawUsage !== undefined && (
          <details>
            <summary>
              <Text size="xs" c="dimmed" span>
                {t('raw')}
              </Text>
            </summary>
            <Code block>{JSON.stringify(usage.rawUsage, null, 2)}</Code>
          </details>
        )}
      </Stack>
    </Paper>
  );
}
