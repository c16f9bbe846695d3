import { Alert, Badge, Group, Skeleton, Table, Text, Title } from '@mantine/core';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import { Page } from '../shell/Page';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { OriginBadge } from '../values/OriginBadge';
import { StatTile, StatTiles } from '../values/StatTile';
import { TimeText } from '../values/TimeText';
import { CircuitBadge, HealthState } from './states';
import { upstreamTexts } from './texts';
import type { Upstream, UpstreamList } from './types';
import { UpstreamActions } from './UpstreamActions';

/** One upstream: how it is, and what can be done about it. */
export function UpstreamPage({ id }: { id: string }) {
  const t = useTexts(upstreamTexts);
  const { data, error, refetch } = useApi<UpstreamList>('/api/upstreams', {}, { refetchInterval: 5_000 });
  const upstream = data?.upstreams.find((one) => one.id === id);
  return (
    <Page title={upstream?.name ?? id} subtitle={upstream && <Facts upstream={upstream} />} actions={upstream && <UpstreamActions upstream={upstream} />}>
      {error && !data && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton h={200} />}
      {data && !upstream && <EmptyState title={t('gone', { id })} />}
      {upstream && (
        <>
          {upstream.fault && (
            <Alert color="red" title={t('fault')}>
              {upstream.fault}
            </Alert>
          )}
          <Numbers upstream={upstream} />
          <Title order={2} size="h4">
            {t('keys')}
          </Title>
          <Keys upstream={upstream} />
        </>
      )}
    </Page>
  );
}

function Facts({ upstream }: { upstream: Upstream }) {
  return (
    <Group gap="xs">
      <span>{upstream.id}</span>
      <HealthState upstream={upstream} />
      <OriginBadge origin={upstream.origin} file="upstreams.json" />
      <span>{upstream.kind}</span>
      <span style={{ overflowWrap: 'anywhere' }}>{upstream.url}</span>
      {upstream.groups.map((group) => (
        <Badge key={group} size="sm" variant="default" tt="none">
          {group}
        </Badge>
      ))}
      <span>{upstream.activeHours}</span>
    </Group>
  );
}

function Numbers({ upstream }: { upstream: Upstream }) {
  const t = useTexts(upstreamTexts);
  const formats = useFormats();
  const { health, circuit } = upstream;
  const openFor = circuit?.openForSeconds === undefined ? undefined : t('openFor', { seconds: Math.ceil(circuit.openForSeconds) });
  return (
    <StatTiles>
      <StatTile label={t('health')} value={t(health.state)} note={health.why ?? (health.checkedAt && <TimeText at={health.checkedAt} relative />)} alert={health.state === 'unhealthy'} />
      <StatTile label={t('circuit')} value={circuit ? t(circuit.state) : undefined} note={[circuit?.reason, openFor].filter(Boolean).join(' · ')} alert={circuit?.state === 'open'} />
      <StatTile label={t('inFlight')} value={upstream.inFlight} note={upstream.maxConcurrent && `≤ ${upstream.maxConcurrent}`} />
      <StatTile label={t('waiting')} value={upstream.waiting} />
      <StatTile label={t('latency')} value={upstream.latencyMs === undefined ? undefined : formats.duration(upstream.latencyMs)} />
      <StatTile label={t('today')} value={<MoneyText usd={upstream.spendTodayUsd} />} note={upstream.dailyMaxUsd && `≤ ${formats.money(upstream.dailyMaxUsd)}`} />
    </StatTiles>
  );
}

function Keys({ upstream }: { upstream: Upstream }) {
  const t = useTexts(upstreamTexts);
  const say = useTexts(words);
  if (!upstream.keys?.length) {
    return <Text size="sm">{t('noKeys')}</Text>;
  }

  return (
    <Table.ScrollContainer minWidth={420}>
      <Table fz="sm" aria-label={t('keys')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('key')}</Table.Th>
            <Table.Th>{t('circuit')}</Table.Th>
            <Table.Th>{say('reason')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {upstream.keys.map((key, index) => (
            <Table.Tr key={index}>
              <Table.Td>…{key.hint}</Table.Td>
              <Table.Td>
                <CircuitBadge circuit={key} />
              </Table.Td>
              <Table.Td>{[key.reason, key.openForSeconds !== undefined && t('openFor', { seconds: Math.ceil(key.openForSeconds) })].filter(Boolean).join(' · ') || '–'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
