import { List, Stack, Text } from '@mantine/core';
import { useTexts } from '../text/language';
import { priceTexts } from './texts';

/** What a change does, or would do. */
export function Outcome({ changed, unchanged, skipped = [] }: { changed: readonly string[]; unchanged: readonly string[]; skipped?: readonly { model: string; reason: string }[] }) {
  const t = useTexts(priceTexts);
  return (
    <Stack gap="xs" role="status" mah={280} style={{ overflowY: 'auto' }}>
      {changed.length === 0 && <Text size="sm">{t('nothing')}</Text>}
      <Names title={t('wouldChange')} names={changed} />
      <Names title={t('wouldStay')} names={unchanged} />
      <Names title={t('skipped')} names={skipped.map((entry) => `${entry.model}: ${entry.reason}`)} />
    </Stack>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  return (
    names.length > 0 && (
      <div>
        <Text size="sm" fw={600}>
          {title} {names.length}
        </Text>
        <List size="sm">
          {names.slice(0, 500).map((name) => (
            <List.Item key={name}>{name}</List.Item>
          ))}
        </List>
      </div>
    )
  );
}
