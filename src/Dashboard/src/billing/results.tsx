import { Alert, Stack, Text } from '@mantine/core';
import { useFormats } from '../text/format';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { VirtualTable } from '../table/VirtualTable';
import { billingTexts } from './texts';
import type { RebuildResult, RerateResult, RerateRow, VerifyResult } from './types';

export function VerifyView({ result }: { result: VerifyResult }) {
  const t = useTexts(billingTexts);
  const formats = useFormats();
  return (
    <Stack gap="xs">
      <Alert color={result.isRight ? 'teal' : 'red'} title={result.isRight ? `✓ ${t('right')}` : `✗ ${t('wrong', { count: formats.number(result.differenceCount) })}`}>
        <Text size="sm">
          {t('verified', {
            requests: formats.number(result.requests),
            attempts: formats.number(result.attempts),
            usd: formats.exactMoney(result.spendUsd),
            events: formats.number(result.events),
          })}
        </Text>
      </Alert>
      {result.differences.length > 0 && (
        <VirtualTable
          label={t('wrong', { count: result.differenceCount })}
          rows={result.differences}
          idOf={(row) => `${row.kind}/${row.subject}/${row.actual}`}
          columns={[
            { id: 'kind', header: t('kind'), width: 160, cell: (row) => row.kind },
            { id: 'subject', header: t('subject'), width: 320, cell: (row) => <span title={row.subject}>{row.subject}</span> },
            { id: 'expected', header: t('expected'), width: 200, cell: (row) => <span title={row.expected}>{row.expected}</span> },
            { id: 'actual', header: t('actual'), width: 200, cell: (row) => <span title={row.actual}>{row.actual}</span> },
          ]}
        />
      )}
    </Stack>
  );
}

export function RebuildView({ result }: { result: RebuildResult }) {
  const t = useTexts(billingTexts);
  const formats = useFormats();
  return (
    <Stack gap="xs">
      <Alert color={result.identical ? 'teal' : 'orange'} title={result.identical ? `✓ ${t('identical')}` : `✗ ${t('different')}`} />
      <VirtualTable
        label={t('projection')}
        rows={result.projections}
        idOf={(row) => row.projection}
        columns={[
          { id: 'projection', header: t('projection'), width: 180, cell: (row) => row.projection },
          { id: 'rows', header: t('rows'), width: 120, isNumber: true, cell: (row) => formats.number(row.rebuiltRows) },
          { id: 'difference', header: t('difference'), width: 140, isNumber: true, cell: (row) => formats.number(row.onlyLive + row.onlyRebuilt) },
        ]}
      />
    </Stack>
  );
}

export function RerateView({ result }: { result: RerateResult }) {
  const t = useTexts(billingTexts);
  const say = useTexts(words);
  const formats = useFormats();
  const rows: RerateRow[] = [...result.rows, { ...result.total, tenant: say('total'), model: '' }];
  const { leftOut } = result;
  return (
    <Stack gap="xs">
      <Text size="sm">
        {t('differ', { count: formats.number(result.requestsThatDiffer) })} {result.adjusted !== undefined && t('adjusted', { count: formats.number(result.adjusted) })}{' '}
        {leftOut.unknownUsage + leftOut.imported + leftOut.noPrice > 0 &&
          t('leftOut', { unknown: formats.number(leftOut.unknownUsage), imported: formats.number(leftOut.imported), unpriced: formats.number(leftOut.noPrice) })}
      </Text>
      <VirtualTable
        label={t('rerate')}
        rows={rows}
        idOf={(row) => `${row.tenant}/${row.model}`}
        maxHeight="50vh"
        columns={[
          { id: 'tenant', header: say('tenant'), width: 140, cell: (row) => row.tenant },
          { id: 'model', header: say('model'), width: 180, cell: (row) => row.model },
          { id: 'requests', header: say('requests'), width: 90, isNumber: true, cell: (row) => formats.number(row.requests) },
          { id: 'charged', header: t('charged'), width: 120, isNumber: true, cell: (row) => formats.money(row.chargedUsd) },
          { id: 'rerated', header: t('rerated'), width: 120, isNumber: true, cell: (row) => formats.money(row.reratedUsd) },
          { id: 'difference', header: t('difference'), width: 120, isNumber: true, cell: (row) => formats.money(row.differenceUsd) },
        ]}
      />
    </Stack>
  );
}
