import { Anchor, Group, SimpleGrid, Stack, Title } from '@mantine/core';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { addressOf } from '../api/client';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi, useApiList } from '../api/queries';
import type { RequestRow, UsageReport } from '../api/types';
import { LazyChart } from '../charts/LazyChart';
import { stack } from '../charts/series';
import { chartTexts } from '../charts/texts';
import { periodOf } from '../filters/periods';
import { RequestsTable } from '../requests/RequestsTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { StatTile, StatTiles } from '../values/StatTile';
import { TokensText } from '../values/TokensText';
import { tenantTexts } from './texts';

/** What a tenant used in the last thirty days. */
export function TenantUsage({ tenant }: { tenant: string }) {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  const charts = useTexts(chartTexts);
  const formats = useFormats();
  const [period] = useState(() => periodOf({}, new Date(), '30d'));
  const { data, error, refetch } = useApi<UsageReport>('/api/usage', { tenant, by: 'day,model', ...period });
  if (error && !data) {
    return <ProblemAlert error={error} retry={() => void refetch()} />;
  }

  const rows = [...(data?.rows ?? [])].sort((left, right) => (left.day ?? '').localeCompare(right.day ?? ''));
  const { points, series } = stack(rows, (row) => row.day ?? '', (row) => row.model ?? '–', (row) => row.spendUsd, charts('others'));
  return (
    <Stack>
      <StatTiles>
        <StatTile label={say('spend')} value={<MoneyText usd={data?.total.spendUsd} />} />
        <StatTile label={say('requests')} value={data && formats.number(data.total.requests)} />
        <StatTile label={say('errors')} value={data && formats.number(data.total.errors)} />
        <StatTile label={say('inputTokens')} value={<TokensText short count={data?.total.inputTokens} />} />
        <StatTile label={say('cacheReadTokens')} value={<TokensText short count={data?.total.cacheReadTokens} />} />
        <StatTile label={say('outputTokens')} value={<TokensText short count={data?.total.outputTokens} />} />
      </StatTiles>
      <SimpleGrid cols={1}>
        <LazyChart title={t('spend30')} points={points} series={series} atLabel={say('day')} format={formats.money} />
      </SimpleGrid>
    </Stack>
  );
}

/** Its last requests, and the way to all of them. */
export function TenantRequests({ tenant }: { tenant: string }) {
  const t = useTexts(tenantTexts);
  const navigate = useNavigate();
  const { rows, error, isFetching, refetch } = useApiList<RequestRow>('/api/requests', { tenant, limit: 10 }, { refetchInterval: 10_000 });
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('recent')}
        </Title>
        <Anchor component={Link} to={addressOf('/requests', { tenant })} size="sm">
          {t('allRequests')}
        </Anchor>
      </Group>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {!(error && rows.length === 0) && (
        <RequestsTable label={t('recent')} rows={rows} without={['tenant']} isFetching={isFetching && rows.length === 0} onOpen={(row) => void navigate(`/requests/${row.id}`)} empty={<EmptyState title="–" />} />
      )}
    </Stack>
  );
}
