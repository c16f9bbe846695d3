import { useParams } from 'react-router';
import { Page } from '../shell/Page';
import { useTexts } from '../text/language';
import { RequestView } from './RequestView';
import { requestTexts } from './texts';

/** One request under an address of its own. */
export default function RequestPage({ path = '/api/requests' }: { path?: string }) {
  const t = useTexts(requestTexts);
  const { id = '' } = useParams();
  return (
    <Page title={t('request', { id })}>
      <RequestView path={`${path}/${encodeURIComponent(id)}`} />
    </Page>
  );
}
