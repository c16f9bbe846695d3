import { Paper, ScrollArea, SimpleGrid, Skeleton, Stack, Table, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { AdjustmentExplanation, RequestExplanation } from '../api/types';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { MoneyText } from '../values/MoneyText';
import { StatTile } from '../values/StatTile';
import { TimeText } from '../values/TimeText';
import { AttemptsTimeline } from './AttemptsTimeline';
import { AttemptView } from './AttemptView';
import { OutcomeText } from './OutcomeText';
import { requestTexts } from './texts';

/** What happened to a request, what was charged for it, and how every digit of that came about. */
export function RequestView({ path }: { path: string }) {
  const request = useApi<RequestExplanation>(path);
  if (request.error) {
    return <ProblemAlert error={request.error} retry={() => void request.refetch()} />;
  }

  return request.data ? <Explanation request={request.data} /> : <Skeleton h={300} />;
}

function Explanation({ request }: { request: RequestExplanation }) {
  const t = useTexts(requestTexts);
  return (
    <Stack>
      <Amounts request={request} />
      <Facts request={request} />
      <Title order={2} size="h4">
        {t('timeline')}
      </Title>
      <AttemptsTimeline request={request} />
      {request.attempts.map((attempt) => (
        <AttemptView key={attempt.number} attempt={attempt} />
      ))}
      {request.adjustments.length > 0 && <Adjustments adjustments={request.adjustments} />}
    </Stack>
  );
}

function Amounts({ request }: { request: RequestExplanation }) {
  const t = useTexts(requestTexts);
  return (
    <SimpleGrid component="dl" m={0} cols={{ base: 2, sm: 4 }} spacing="sm">
      <StatTile label={t('total')} value={<MoneyText usd={request.totalUsd} />} />
      <StatTile label={t('charged')} value={<MoneyText usd={request.chargedUsd} />} />
      {request.adjustments.length > 0 && <StatTile label={t('adjusted')} value={<MoneyText usd={request.adjustedUsd} />} />}
      <StatTile label={t('held')} value={<MoneyText usd={request.heldUsd} />} />
      {request.unsettledUsd > 0 && <StatTile label={t('unsettled')} value={<MoneyText usd={request.unsettledUsd} />} note={t('unsettledNote')} alert />}
    </SimpleGrid>
  );
}

function Facts({ request }: { request: RequestExplanation }) {
  const t = useTexts(requestTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const facts: [string, ReactNode][] = [
    [say('outcome'), <OutcomeText key="outcome" outcome={request.outcome} />],
    [t('admitted'), <TimeText key="admitted" at={request.admittedAt} />],
    [t('completed'), <TimeText key="completed" at={request.completedAt} />],
    [say('duration'), formats.duration(new Date(request.completedAt).getTime() - new Date(request.admittedAt).getTime())],
    [say('tenant'), request.tenant],
    [say('key'), request.key],
    [say('session'), request.session],
    [say('surface'), request.surface],
    [t('requestedModel'), request.requestedModel],
    [t('streaming'), say(request.streaming ? 'yes' : 'no')],
    [t('instance'), request.proxyInstance],
    [t('imported'), request.importedFrom],
  ];
  return (
    <Paper withBorder p="sm" radius="md">
      <FactList facts={facts} />
    </Paper>
  );
}

/** Names and what they are; those of which nothing is known are left out. */
export function FactList({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <SimpleGrid component="dl" m={0} cols={{ base: 1, xs: 2, md: 3 }} spacing="xs" verticalSpacing={6}>
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <Text component="dt" size="xs" c="dimmed">
              {name}
            </Text>
            <Text component="dd" m={0} size="sm" style={{ overflowWrap: 'anywhere' }}>
              {value}
            </Text>
          </div>
        ))}
    </SimpleGrid>
  );
}

function Adjustments({ adjustments }: { adjustments: AdjustmentExplanation[] }) {
  const t = useTexts(requestTexts);
  const say = useTexts(words);
  return (
    <>
      <Title order={2} size="h4">
        {t('adjustments')}
      </Title>
      <ScrollArea viewportProps={{ tabIndex: 0 }}>
        <Table miw={560} aria-label={t('adjustments')}>
          <Table.Thead>
            <Table.Tr>
              {[say('time'), t('kind'), t('by'), say('reason')].map((header) => (
                <Table.Th key={header}>{header}</Table.Th>
              ))}
              <Table.Th ta="end">{t('amount')}</Table.Th>
              <Table.Th ta="end">{t('released')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {adjustments.map((adjustment) => (
              <Table.Tr key={adjustment.ordinal}>
                <Table.Td>
                  <TimeText at={adjustment.adjustedAt} />
                </Table.Td>
                <Table.Td>{adjustment.kind}</Table.Td>
                <Table.Td>{adjustment.by}</Table.Td>
                <Table.Td>{adjustment.reason}</Table.Td>
                <Table.Td ta="end">
                  <MoneyText usd={adjustment.spendUsd} />
                </Table.Td>
                <Table.Td ta="end">
                  <MoneyText usd={adjustment.releasedUsd} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </>
  );
}
