// A text as a phone shows it: never interpreted, in its own direction.

import { Paper, Text } from "@mantine/core";

export function PhoneBubble({ text }: { text: string }) {
  return (
    <Paper bg="light-dark(var(--mantine-color-green-1), var(--mantine-color-green-9))" p="sm" maw={420} radius="lg">
      <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {text}
      </Text>
    </Paper>
  );
}
