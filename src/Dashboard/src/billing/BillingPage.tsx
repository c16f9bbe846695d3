import { Text } from '@mantine/core';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';

export default function BillingPage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('billing')}>
      <Text>{t('soon')}</Text>
    </Page>
  );
}
