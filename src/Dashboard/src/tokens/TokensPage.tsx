import { Text } from '@mantine/core';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';

export default function TokensPage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('tokens')}>
      <Text>{t('soon')}</Text>
    </Page>
  );
}
