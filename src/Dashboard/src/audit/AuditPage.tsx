import { Text } from '@mantine/core';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';

export default function AuditPage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('audit')}>
      <Text>{t('soon')}</Text>
    </Page>
  );
}
