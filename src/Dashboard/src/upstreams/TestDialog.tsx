import { Button, Group, Loader, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { StateBadge } from '../values/StateBadge';
import { upstreamPath } from './links';
import { upstreamTexts } from './texts';
import type { TestReport } from './types';

/** Sends a real request with each key of an upstream and shows how far it came. */
export function TestDialog({ opened, upstream, onClose }: { opened: boolean; upstream: string; onClose: () => void }) {
  const t = useTexts(upstreamTexts);
  return (
    <Modal opened={opened} onClose={onClose} size="xl" title={t('testTitle', { id: upstream })}>
      <Test upstream={upstream} onClose={onClose} />
    </Modal>
  );
}

function Test({ upstream, onClose }: { upstream: string; onClose: () => void }) {
  const t = useTexts(upstreamTexts);
  const say = useTexts(words);
  const [model, setModel] = useState('');
  const test = useMutation({ mutationFn: () => api.post<TestReport>(`${upstreamPath(upstream)}/test`, { model: model.trim() || undefined }) });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        test.mutate();
      }}
    >
      <Stack>
        <Text size="sm">{t('testText')}</Text>
        <TextInput label={t('testModel')} description={t('testModelHint')} value={model} onChange={(event) => setModel(event.currentTarget.value)} data-autofocus />
        {test.error && <ProblemAlert error={test.error} />}
        <div aria-live="polite">
          {test.isPending && <Loader size="sm" aria-label={say('loading')} />}
          {test.data && !test.isPending && <Report report={test.data} />}
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {say('close')}
          </Button>
          <Button type="submit" loading={test.isPending}>
            {t('run')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Report({ report }: { report: TestReport }) {
  const t = useTexts(upstreamTexts);
  return (
    <Stack>
      <Text size="sm">
        {report.model} ({t('chosenBy', { from: report.modelFrom })})
      </Text>
      {report.keys.map((key, index) => (
        <KeyReport key={index} tested={key} />
      ))}
    </Stack>
  );
}

function KeyReport({ tested }: { tested: TestReport['keys'][number] }) {
  const t = useTexts(upstreamTexts);
  const formats = useFormats();
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Text size="sm" fw={600}>
          {t('key')} {tested.key ? `…${tested.key}` : '–'}
        </Text>
        <StateBadge tone={tested.passed ? 'good' : 'bad'} label={t(tested.passed ? 'passed' : 'failed')} />
      </Group>
      <Table.ScrollContainer minWidth={440}>
        <Table fz="sm" verticalSpacing={4} aria-label={`${t('key')} ${tested.key}`}>
          <Table.Tbody>
            {tested.steps.map((step) => (
              <Table.Tr key={step.step}>
                <Table.Th scope="row">{step.step}</Table.Th>
                <Table.Td>
                  <StateBadge tone={step.passed ? 'good' : 'bad'} label={t(step.passed ? 'passed' : 'failed')} />
                </Table.Td>
                <Table.Td ta="end">{step.ms === undefined ? '' : formats.duration(step.ms)}</Table.Td>
                <Table.Td>
                  {step.result}
                  {step.change && (
                    <Text size="xs" c="dimmed">
                      {t('lookAt', { settings: step.change })}
                    </Text>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
