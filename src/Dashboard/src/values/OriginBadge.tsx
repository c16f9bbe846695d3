import { Badge, Tooltip } from '@mantine/core';
import { useTexts } from '../text/language';
import { valueTexts } from './texts';

/** Where something is declared: in a configuration file, which this page does not change, or here. */
export function OriginBadge({ origin, file }: { origin: string; file: string }) {
  const t = useTexts(valueTexts);
  return origin === 'file' ? (
    <Tooltip label={t('fromFile', { file })}>
      <Badge size="sm" variant="outline" color="gray" tt="none">
        {file}
      </Badge>
    </Tooltip>
  ) : (
    <Badge size="sm" variant="light" tt="none">
      {t('fromOperator')}
    </Badge>
  );
}
