import { Skeleton } from '@mantine/core';
import { lazy, Suspense, type ComponentProps } from 'react';

const Drawn = lazy(() => import('./Chart'));

/** A chart whose code comes after the numbers, which are what people look for first. */
export function LazyChart(props: ComponentProps<typeof Drawn>) {
  return (
    <Suspense fallback={<Skeleton h={(props.height ?? 220) + 70} radius="md" />}>
      <Drawn {...props} />
    </Suspense>
  );
}
