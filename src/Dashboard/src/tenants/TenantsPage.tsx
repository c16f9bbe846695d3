import { Text } from '@mantine/core';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';

export default function TenantsPage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('tenants')}>
      <Text>{t('soon')}</Text>
    </Page>
  );
}
