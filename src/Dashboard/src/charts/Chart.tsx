import { AreaChart, BarChart } from '@mantine/charts';
import '@mantine/charts/styles.css';
import { Box, Paper, ScrollArea, Table, Text } from '@mantine/core';
import { useTexts } from '../text/language';
import { seriesColours, type Point, type Series } from './series';
import { chartTexts } from './texts';

interface ChartProps {
  title: string;
  points: Point[];
  series: Series[];
  kind?: 'area' | 'bar';
  /** How the points' `at` is shown. */
  at?: (at: string) => string;
  format: (value: number) => string;
  height?: number;
  atLabel: string;
}

/** A chart, and the same numbers as a table for who cannot see it or wants to know exactly. */
export default function Chart({ title, points, series, kind = 'bar', at = (value) => value, format, height = 220, atLabel }: ChartProps) {
  const t = useTexts(chartTexts);
  const data = points.map((point) => ({ ...point, at: at(String(point.at)) }));
  const shared = {
    h: height,
    data,
    dataKey: 'at',
    series: series.map((one, index) => ({ name: one.name, label: one.label, color: seriesColours[index % seriesColours.length] ?? 'blue' })),
    valueFormatter: format,
    withLegend: series.length > 1,
    tickLine: 'none' as const,
    gridAxis: 'x' as const,
    yAxisProps: { width: 84, tickCount: 4 },
    xAxisProps: { minTickGap: 24 },
  };
  return (
    <Paper withBorder p="sm" radius="md" component="figure" m={0} miw={0}>
      <Text component="figcaption" size="sm" fw={600} mb="xs">
        {title}
      </Text>
      {points.length === 0 ? (
        <Text size="sm" c="dimmed" h={height}>
          {t('none')}
        </Text>
      ) : (
        <>
          <Box aria-hidden>
            {kind === 'area' ? (
              <AreaChart {...shared} type={series.length > 1 ? 'stacked' : 'default'} withDots={false} curveType="linear" areaProps={{ isAnimationActive: false }} areaChartProps={{ accessibilityLayer: false }} />
            ) : (
              <BarChart {...shared} type="stacked" barProps={{ isAnimationActive: false }} maxBarWidth={56} barChartProps={{ accessibilityLayer: false }} />
            )}
          </Box>
          <details>
            <summary>
              <Text size="xs" c="dimmed" span>
                {t('asTable')}
              </Text>
            </summary>
            <ScrollArea.Autosize mah={300}>
              <Table striped verticalSpacing={2} fz="xs" aria-label={title}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{atLabel}</Table.Th>
                    {series.map((one) => (
                      <Table.Th key={one.name} ta="end">
                        {one.label}
                      </Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.map((point) => (
                    <Table.Tr key={point.at}>
                      <Table.Th scope="row">{point.at}</Table.Th>
                      {series.map((one) => (
                        <Table.Td key={one.name} ta="end">
                          {format(Number((point as Point)[one.name] ?? 0))}
                        </Table.Td>
                      ))}
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </ScrollArea.Autosize>
          </details>
        </>
      )}
    </Paper>
  );
}
