import { Fieldset, SimpleGrid } from '@mantine/core';
import type { ReactNode } from 'react';

/** Fields that belong together, two or three side by side where there is room. */
export function Section({ title, cols = 2, children }: { title: string; cols?: number; children: ReactNode }) {
  return (
    <Fieldset legend={title} radius="md">
      <SimpleGrid cols={{ base: 1, sm: cols }} verticalSpacing="sm">
        {children}
      </SimpleGrid>
    </Fieldset>
  );
}
