import { Text } from '@mantine/core';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';

export default function UpstreamsPage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('upstreams')}>
      <Text>{t('soon')}</Text>
    </Page>
  );
}
