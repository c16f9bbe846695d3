import { useTexts } from '../text/language';
import { shellTexts } from '../shell/texts';
import { Page } from '../shell/Page';
import { UsageExplorer } from './UsageExplorer';

/** What all tenants used, by what one wants to know. */
export default function UsagePage() {
  const t = useTexts(shellTexts);
  return (
    <Page title={t('usage')}>
      <UsageExplorer path="/api/usage" dimensions={['day', 'hour', 'tenant', 'key', 'model', 'upstream']} preset={{ by: 'day', and: 'model' }} filterable={['tenant', 'key', 'model', 'upstream']} />
    </Page>
  );
}
