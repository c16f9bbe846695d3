import { Button, Group } from '@mantine/core';
import { useMemo } from 'react';
import { useSession } from '../shell/session';
import { VirtualTable, type Column } from '../table/VirtualTable';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { EmptyState } from '../values/EmptyState';
import { StateBadge } from '../values/StateBadge';
import { priceTexts } from './texts';
import { priceId, rateClasses, type PriceEntry } from './types';

interface PriceTableProps {
  rows: readonly PriceEntry[];
  isFetching: boolean;
  onChange: (entry: PriceEntry) => void;
  onWithdraw: (entry: PriceEntry) => void;
}

const tones = { shipped: 'off', file: 'warning', operator: 'good' } as const;

export function PriceTable({ rows, isFetching, onChange, onWithdraw }: PriceTableProps) {
  const t = useTexts(priceTexts);
  const formats = useFormats();
  const { isAdmin } = useSession();
  const columns = useMemo<Column<PriceEntry>[]>(
    () => [
      { id: 'model', header: t('model'), width: 230, cell: (entry) => <span title={entry.model}>{entry.model}</span> },
      { id: 'provider', header: t('provider'), width: 100, cell: (entry) => entry.provider ?? '–' },
      { id: 'from', header: t('from'), width: 130, cell: (entry) => entry.effectiveFrom ?? t('ever') },
      { id: 'source', header: t('source'), width: 120, cell: (entry) => <StateBadge tone={tones[entry.source ?? 'shipped']} label={t(entry.source ?? 'shipped')} /> },
      ...rateClasses.map((rate) => ({ id: rate, header: t(rate), width: rate.startsWith('cacheWrite') ? 150 : 105, isNumber: true, cell: (entry: PriceEntry) => formats.exactMoney(entry.perMillion[rate] ?? 0) })),
      { id: 'webSearch', header: t('webSearch'), width: 140, isNumber: true, cell: (entry) => (entry.perThousand.webSearch ? formats.exactMoney(entry.perThousand.webSearch) : '–') },
      { id: 'more', header: t('more'), width: 200, cell: (entry) => <Others entry={entry} /> },
      {
        id: 'actions',
        header: t('actions'),
        width: 180,
        cell: (entry) =>
          isAdmin && (
            <Group gap={4} wrap="nowrap">
              <Button size="compact-xs" variant="default" aria-label={`${t('change')}: ${priceId(entry)}`} onClick={() => onChange(entry)}>
                {t('change')}
              </Button>
              {entry.source === 'operator' && (
                <Button size="compact-xs" variant="default" aria-label={`${t('withdraw')}: ${priceId(entry)}`} onClick={() => onWithdraw(entry)}>
                  {t('withdraw')}
                </Button>
              )}
            </Group>
          ),
      },
    ],
    [t, formats, isAdmin, onChange, onWithdraw],
  );
  return <VirtualTable label={t('model')} columns={columns} rows={rows} idOf={priceId} isFetching={isFetching} empty={<EmptyState title={t('none')} />} />;
}

/** What makes the price another one: a long prompt, a tier, a region. */
function Others({ entry }: { entry: PriceEntry }) {
  const t = useTexts(priceTexts);
  const formats = useFormats();
  const multipliers = Object.entries({ ...entry.serviceTier, ...entry.inferenceGeo }).map(([name, factor]) => `${name} ×${factor}`);
  const parts = [...(entry.aboveInputTokens ?? []).map((tier) => t('tiers', { tokens: formats.short(tier.tokens) })), ...Object.keys(entry.speed ?? {}), ...multipliers];
  const text = parts.join(', ');
  return <span title={text}>{text || '–'}</span>;
}
