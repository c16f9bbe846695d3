import { describe, expect, it } from 'vitest';
import { seriesColours, stack } from './series';

describe('stacked series', () => {
  const rows = (count: number) => Array.from({ length: count }, (_, index) => ({ day: 'd', model: `m${index}`, usd: index + 1 }));
  const stacked = (count: number) =>
    stack(
      rows(count),
      (row) => row.day,
      (row) => row.model,
      (row) => row.usd,
      'others',
    );

  it('have a colour each, and what counts least is put together', () => {
    const { points, series } = stacked(20);
    expect(series).toHaveLength(seriesColours.length);
    expect(series.at(-1)?.label).toBe('others');
    expect(series[0]?.label).toBe('m19');
    expect(points[0]?.[series.at(-1)?.name ?? '']).toBe((14 * 15) / 2);
  });

  it('are not put together when there is a colour for each', () => expect(stacked(seriesColours.length).series.map((one) => one.label)).not.toContain('others'));
});
