import { Alert, Button, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { useTexts } from '../text/language';
import { shellTexts } from './texts';

function Failure({ error }: { error: Error }) {
  const t = useTexts(shellTexts);
  return (
    <Alert color="red" role="alert" title={t('failed')} m="md">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t('failedText')}</Text>
        <Text size="sm" ff="monospace">
          {error.message}
        </Text>
        <Button size="compact-sm" onClick={() => window.location.reload()}>
          {t('reload')}
        </Button>
      </Stack>
    </Alert>
  );
}

/** Keeps the rest of the page usable when a part of it has a bug. A new address gives it another chance. */
export class ErrorBoundary extends Component<{ address: string; children: ReactNode }, { error?: Error; address: string }> {
  override state: { error?: Error; address: string } = { address: this.props.address };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  static getDerivedStateFromProps(props: { address: string }, state: { address: string }) {
    return props.address === state.address ? null : { error: undefined, address: props.address };
  }

  override render() {
    return this.state.error ? <Failure error={this.state.error} /> : this.props.children;
  }
}
