import { Badge } from '@mantine/core';

const colours = { good: 'teal', warning: 'orange', bad: 'red', off: 'gray' } as const;
const signs = { good: '●', warning: '▲', bad: '■', off: '○' } as const;

/** A state in a word; colour and sign only repeat how good it is. */
export function StateBadge({ tone, label, title }: { tone: keyof typeof colours; label: string; title?: string }) {
  return (
    <Badge size="sm" variant="light" color={colours[tone]} tt="none" title={title} leftSection={<span aria-hidden>{signs[tone]}</span>}>
      {label}
    </Badge>
  );
}
