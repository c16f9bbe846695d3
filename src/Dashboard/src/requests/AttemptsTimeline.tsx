import { Group, Paper, Text } from '@mantine/core';
import type { AttemptExplanation, RequestExplanation } from '../api/types';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import classes from './AttemptsTimeline.module.css';
import { requestTexts } from './texts';

const at = (instant: string) => new Date(instant).getTime();

/** The attempts over the time of the request: how long each waited for its first byte, and how long it answered. */
export function AttemptsTimeline({ request }: { request: RequestExplanation }) {
  const t = useTexts(requestTexts);
  const start = at(request.admittedAt);
  const length = Math.max(1, at(request.completedAt) - start);
  return (
    <Paper withBorder p="sm" radius="md">
      {request.attempts.map((attempt) => (
        <Bar key={attempt.number} attempt={attempt} start={start} length={length} />
      ))}
      <Group gap="md" mt="xs">
        <Legend className={classes.waiting} label={t('waiting')} />
        <Legend className={classes.answering} label={t('answering')} />
      </Group>
    </Paper>
  );
}

function Legend({ className, label }: { className: string | undefined; label: string }) {
  return (
    <Group gap={6}>
      <span className={`${classes.swatch} ${className}`} />
      <Text size="xs" c="dimmed">
        {label}
      </Text>
    </Group>
  );
}

function Bar({ attempt, start, length }: { attempt: AttemptExplanation; start: number; length: number }) {
  const formats = useFormats();
  const share = (instant: string) => Math.min(100, Math.max(0, ((at(instant) - start) / length) * 100));
  const answered = attempt.firstByteAt ?? attempt.endedAt;
  const [began, first, ended] = [share(attempt.startedAt), share(answered), share(attempt.endedAt)];
  const duration = formats.duration(at(attempt.endedAt) - at(attempt.startedAt));
  return (
    <div className={classes.attempt}>
      <Text size="sm" truncate>
        {attempt.number}. {attempt.upstream}
      </Text>
      <div className={classes.track}>
        <div className={classes.waiting} style={{ left: `${began}%`, width: `${Math.max(0.5, first - began)}%` }} />
        <div className={classes.answering} style={{ left: `${first}%`, width: `${ended - first}%` }} />
      </div>
      <Text size="sm" ta="end" c={attempt.failure ? 'red' : undefined} className={classes.result}>
        {attempt.failure ?? attempt.statusCode} · {duration}
      </Text>
    </div>
  );
}
