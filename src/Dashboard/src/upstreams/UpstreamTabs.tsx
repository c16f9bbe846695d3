import { Tabs } from '@mantine/core';
import { useNavigate } from 'react-router';
import { useTexts } from '../text/language';
import { upstreamTexts } from './texts';

/** The upstreams, or how requests are spread over them. */
export function UpstreamTabs({ value }: { value: 'upstreams' | 'routing' }) {
  const t = useTexts(upstreamTexts);
  const navigate = useNavigate();
  return (
    <Tabs value={value} onChange={(chosen) => void navigate(chosen === 'routing' ? '/upstreams/-/routing' : '/upstreams')}>
      <Tabs.List>
        <Tabs.Tab value="upstreams">{t('upstreams')}</Tabs.Tab>
        <Tabs.Tab value="routing">{t('routing')}</Tabs.Tab>
      </Tabs.List>
    </Tabs>
  );
}
