import { ScrollArea, Table, Text } from '@mantine/core';
import type { PriceExplanation, PriceLine } from '../api/types';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { requestTexts } from './texts';

/** The sum, line by line, so that it can be done again with a pencil. */
export function PriceView({ price, version }: { price: PriceExplanation; version: string }) {
  const t = useTexts(requestTexts);
  const formats = useFormats();
  const lines = (all: PriceLine[]) => all.map((line) => <Line key={line.class} line={line} />);
  return (
    <div>
      <Text size="sm" fw={600}>
        {t('price')}
      </Text>
      <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {t('priceOf', { model: price.model, date: price.effectiveFrom, version })}
        {price.speed && ` · ${t('speed', { speed: price.speed })}`}
        {price.aboveInputTokens !== undefined && ` · ${t('longContext', { tokens: formats.number(price.aboveInputTokens) })}`}
      </Text>
      <ScrollArea viewportProps={{ tabIndex: 0 }}>
        <Table verticalSpacing={3} fz="sm" miw={440} aria-label={t('price')} style={{ fontVariantNumeric: 'tabular-nums' }}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('class')}</Table.Th>
              <Table.Th ta="end">{t('count')}</Table.Th>
              <Table.Th ta="end">{t('rate')}</Table.Th>
              <Table.Th ta="end">{t('amount')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {lines(price.tokens)}
            <Step label={t('tokensSum', { geo: price.geoMultiplier, tier: price.serviceTierMultiplier })} />
            {lines(price.calls)}
            <Step label={t('callsSum', { multiplier: price.costMultiplier })} />
            <Step label={t('exact')} amount={formats.exactMoney(price.exactUsd)} />
            <Step label={t('rounded')} amount={formats.exactMoney(price.spendUsd)} isResult />
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </div>
  );
}

function Line({ line }: { line: PriceLine }) {
  const t = useTexts(requestTexts);
  const formats = useFormats();
  return (
    <Table.Tr>
      <Table.Td>{line.class}</Table.Td>
      <Table.Td ta="end">{formats.number(line.count)}</Table.Td>
      <Table.Td ta="end">{t('per', { usd: formats.exactMoney(line.rateUsd), per: formats.number(line.per) })}</Table.Td>
      <Table.Td ta="end">{formats.exactMoney(line.amountUsd)}</Table.Td>
    </Table.Tr>
  );
}

function Step({ label, amount, isResult }: { label: string; amount?: string; isResult?: boolean }) {
  return (
    <Table.Tr fw={isResult ? 650 : undefined}>
      <Table.Td colSpan={3} c={isResult ? undefined : 'dimmed'}>
        {label}
      </Table.Td>
      <Table.Td ta="end">{amount}</Table.Td>
    </Table.Tr>
  );
}
