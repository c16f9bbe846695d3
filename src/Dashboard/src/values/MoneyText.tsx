import { Tooltip } from '@mantine/core';
import { useFormats } from '../text/format';

/** An amount; all its digits are in the tooltip when there are more than are shown. */
export function MoneyText({ usd }: { usd: number | undefined }) {
  const formats = useFormats();
  if (usd === undefined) {
    return <>–</>;
  }

  const shown = formats.money(usd);
  const exact = formats.exactMoney(usd);
  return shown === exact ? (
    <>{shown}</>
  ) : (
    <Tooltip label={exact}>
      <span>{shown}</span>
    </Tooltip>
  );
}
