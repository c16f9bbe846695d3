import { Box, Button, Code, CopyButton, Group, Text } from '@mantine/core';
import { useTexts } from '../text/language';
import { words } from '../text/words';

/** Text to paste elsewhere. */
export function CopyBlock({ text, title }: { text: string; title?: string }) {
  const say = useTexts(words);
  return (
    <Box>
      <Group justify="space-between" mb={4} gap="xs">
        <Text size="sm" fw={500}>
          {title}
        </Text>
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="light" onClick={copy} aria-label={`${copied ? say('copied') : say('copy')}${title ? `: ${title}` : ''}`}>
              {copied ? say('copied') : say('copy')}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Code block tabIndex={0} style={{ overflowX: 'auto' }}>
        {text}
      </Code>
    </Box>
  );
}
