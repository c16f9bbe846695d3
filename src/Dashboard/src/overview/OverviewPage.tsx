import { Anchor, SimpleGrid } from '@mantine/core';
import { Link } from 'react-router';
import { usePolling } from '../api/live';
import { ProblemAlert } from '../api/ProblemAlert';
import { useApi } from '../api/queries';
import type { Overview, OverviewMinute } from '../api/types';
import { LazyChart } from '../charts/LazyChart';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { EmptyState } from '../values/EmptyState';
import { MoneyText } from '../values/MoneyText';
import { StatTile, StatTiles } from '../values/StatTile';
import { TimeText } from '../values/TimeText';
import { overviewTexts } from './texts';

/** How the gateway is doing now. The live events bring the tiles, the charts are asked for once a minute. */
export default function OverviewPage() {
  const nav = useTexts(shellTexts);
  const t = useTexts(overviewTexts);
  const polling = usePolling(5_000);
  const overview = useApi<Overview>('/api/overview', {}, { refetchInterval: polling ?? 60_000 });
  const { data } = overview;
  return (
    <Page title={nav('overview')} subtitle={data && <TimeText at={data.at} />}>
      {overview.error && <ProblemAlert error={overview.error} retry={() => void overview.refetch()} />}
      {data && <Tiles overview={data} />}
      {data?.requestsToday === 0 && !data.series?.some((minute) => minute.requests > 0) && (
        <EmptyState title={t('quiet')}>
          {t('quietText')}{' '}
          <Anchor component={Link} to="/setup">
            {nav('setup')}
          </Anchor>
        </EmptyState>
      )}
      {data?.series && <Charts series={data.series} />}
    </Page>
  );
}

function Tiles({ overview }: { overview: Overview }) {
  return (
    <>
      <StatTiles>
        <TrafficTiles overview={overview} />
      </StatTiles>
      <StatTiles>
        <LedgerTiles overview={overview} />
      </StatTiles>
    </>
  );
}

function TrafficTiles({ overview: { requestsPerSecond, inFlight, spendTodayUsd, requestsToday, errorShare, latencyMs, firstByteMs } }: { overview: Overview }) {
  const t = useTexts(overviewTexts);
  const formats = useFormats();
  return (
    <>
      <StatTile label={t('spendToday')} value={<MoneyText usd={spendTodayUsd} />} note={t('utcDay')} />
      <StatTile
        label={t('requestsToday')}
        value={formats.number(requestsToday)}
        note={errorShare !== undefined && t('errorsToday', { share: formats.share(errorShare) })}
        alert={(errorShare ?? 0) > 0.05}
      />
      <StatTile label={t('rate')} value={requestsPerSecond !== undefined && formats.number(requestsPerSecond)} />
      <StatTile label={t('inFlight')} value={inFlight !== undefined ? formats.number(inFlight) : '–'} />
      <StatTile
        label={t('firstByte')}
        value={firstByteMs ? formats.duration(firstByteMs.p50) : '–'}
        note={firstByteMs && t('p95', { value: formats.duration(firstByteMs.p95) })}
      />
      <StatTile label={t('latency')} value={latencyMs ? formats.duration(latencyMs.p50) : '–'} note={latencyMs && t('p95', { value: formats.duration(latencyMs.p95) })} />
    </>
  );
}

function LedgerTiles({ overview: { cacheHitShare, projectionLag, journal, openHolds, unknownUsage, upstreams } }: { overview: Overview }) {
  const t = useTexts(overviewTexts);
  const formats = useFormats();
  return (
    <>
      <StatTile
        label={t('upstreams')}
        value={upstreams.usable === undefined ? upstreams.total : `${upstreams.usable} / ${upstreams.total}`}
        note={!!upstreams.open && t('open', { count: upstreams.open })}
        alert={upstreams.usable !== undefined && upstreams.usable < upstreams.total}
      />
      {cacheHitShare !== undefined && <StatTile label={t('cacheHits')} value={formats.share(cacheHitShare)} note={t('cacheHitsNote')} />}
      {openHolds && <StatTile label={t('holds')} value={<MoneyText usd={openHolds.usd} />} note={t('holdsNote', { count: formats.number(openHolds.count) })} />}
      {unknownUsage && (
        <StatTile
          label={t('unknown')}
          value={formats.number(unknownUsage.items)}
          note={unknownUsage.items > 0 && t('unknownNote', { usd: formats.money(unknownUsage.usd) })}
          alert={unknownUsage.items > 0}
        />
      )}
      {projectionLag && (
        <StatTile
          label={t('lag')}
          value={formats.number(projectionLag.events)}
          note={t('lagNote', { seconds: formats.number(Math.round(projectionLag.seconds)) })}
          alert={projectionLag.seconds > 30}
        />
      )}
      {journal && <StatTile label={t('journal')} value={formats.number(journal.depth)} note={t('journalNote')} alert={(journal.oldestSeconds ?? 0) > 60} />}
    </>
  );
}

function Charts({ series }: { series: OverviewMinute[] }) {
  const t = useTexts(overviewTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const at = { at: formats.clock, atLabel: say('minute') };
  return (
    <>
      <LazyChart
        {...at}
        title={t('requestsChart')}
        points={series.map((minute) => ({ at: minute.at, good: minute.requests - minute.errors, bad: minute.errors }))}
        series={[
          { name: 'good', label: t('succeeded') },
          { name: 'bad', label: say('errors') },
        ]}
        format={formats.number}
      />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <LazyChart {...at} title={t('spendChart')} points={series.map((minute) => ({ at: minute.at, usd: minute.spendUsd }))} series={[{ name: 'usd', label: say('spend') }]} format={formats.money} />
        <LazyChart
          {...at}
          title={t('tokensChart')}
          points={series.map((minute) => ({ at: minute.at, tokens: minute.outputTokens }))}
          series={[{ name: 'tokens', label: say('tokens') }]}
          format={formats.short}
        />
      </SimpleGrid>
    </>
  );
}
