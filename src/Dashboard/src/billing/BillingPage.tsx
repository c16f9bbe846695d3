import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { useFilters } from '../filters/useFilters';
import { Page } from '../shell/Page';
import { shellTexts } from '../shell/texts';
import { useTexts } from '../text/language';
import { ChecksPanel } from './ChecksPanel';
import { JobsPanel } from './JobsPanel';
import { ReconcilePanel } from './ReconcilePanel';
import { ReratePanel } from './ReratePanel';
import { billingTexts } from './texts';
import { UnknownPanel } from './UnknownPanel';

const panels = { unknown: UnknownPanel, checks: ChecksPanel, rerate: ReratePanel, reconcile: ReconcilePanel, jobs: JobsPanel } as const;

type PanelName = keyof typeof panels;

const isPanel = (name: string | undefined): name is PanelName => name !== undefined && name in panels;

/** Proves the bill, settles what is unknown in it, and corrects it. */
export default function BillingPage() {
  const t = useTexts(billingTexts);
  const titles = useTexts(shellTexts);
  const [{ tab }, change] = useFilters(['tab']);
  const shown = isPanel(tab) ? tab : 'unknown';
  return (
    <Page title={titles('billing')}>
      <Tabs value={shown} onChange={(chosen) => change({ tab: chosen ?? undefined })} keepMounted={false}>
        <Tabs.List mb="md">
          {(Object.keys(panels) as PanelName[]).map((name) => (
            <Tabs.Tab key={name} value={name}>
              {t(name)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {(Object.entries(panels) as [PanelName, () => ReactNode][]).map(([name, Panel]) => (
          <Tabs.Panel key={name} value={name}>
            <Panel />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
