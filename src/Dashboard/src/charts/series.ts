/** Okabe and Ito's colours, which people with any kind of colour vision tell apart, as far as they stand out on light and dark. */
export const seriesColours = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#8A8A8A'];

export interface Series {
  /** The member of a point. */
  name: string;
  label: string;
}

export type Point = Record<string, string | number>;

/**
 * One point for each value of the first dimension, with a member for each of the second: those that count most, and the rest in one.
 * Members are called s0, s1… because names that tenants choose may contain what the chart takes for a path.
 */
export function stack<Row>(rows: readonly Row[], at: (row: Row) => string, of: (row: Row) => string, amount: (row: Row) => number, others: string): { points: Point[]; series: Series[] } {
  const totals = new Map<string, number>();
  for (const row of rows) {
    totals.set(of(row), (totals.get(of(row)) ?? 0) + amount(row));
  }

  const most = [...totals].sort(([, left], [, right]) => right - left).map(([name]) => name);
  const shown = most.slice(0, most.length > seriesColours.length ? seriesColours.length - 1 : seriesColours.length);
  const series = shown.map((name, index) => ({ name: `s${index}`, label: name }));
  if (most.length > shown.length) {
    series.push({ name: `s${shown.length}`, label: others });
  }

  const points = new Map<string, Point>();
  for (const row of rows) {
    const index = shown.indexOf(of(row));
    const name = `s${index < 0 ? shown.length : index}`;
    const point = points.get(at(row)) ?? { at: at(row), ...Object.fromEntries(series.map((one) => [one.name, 0])) };
    point[name] = Number(point[name]) + amount(row);
    points.set(at(row), point);
  }

  return { points: [...points.values()], series };
}
