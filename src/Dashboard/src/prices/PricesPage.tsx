import { Text } from '@mantine/core';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';

export default function PricesPage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('prices')}>
      <Text>{t('soon')}</Text>
    </Page>
  );
}
