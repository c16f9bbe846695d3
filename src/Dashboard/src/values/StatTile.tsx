import { Paper, SimpleGrid, Text } from '@mantine/core';
import type { ReactNode } from 'react';

/** One number with its name; what deserves a look is marked by colour and by `note`. */
export function StatTile({ label, value, note, alert }: { label: string; value: ReactNode; note?: ReactNode; alert?: boolean }) {
  return (
    <Paper withBorder p="sm" radius="md" style={alert ? { borderColor: 'var(--mantine-color-orange-filled)' } : undefined}>
      <Text size="xs" c="dimmed" component="dt">
        {label}
      </Text>
      <Text size="xl" fw={650} component="dd" m={0} style={{ fontVariantNumeric: 'tabular-nums', lineHeight: 1.3 }}>
        {value ?? '–'}
      </Text>
      {note && (
        <Text size="xs" c={alert ? 'orange' : 'dimmed'} component="dd" m={0}>
          {note}
        </Text>
      )}
    </Paper>
  );
}

/** Tiles side by side, two on a phone. */
export function StatTiles({ children }: { children: ReactNode }) {
  return (
    <SimpleGrid component="dl" m={0} cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      {children}
    </SimpleGrid>
  );
}
