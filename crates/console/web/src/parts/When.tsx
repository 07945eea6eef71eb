// A time in the person's zone; hovered or read aloud, also in another.

import { Text } from "@mantine/core";

import { useFormats, useTexts } from "../texts/texts";

export function When({ at, zone }: { at: string | null | undefined; zone?: string }) {
  const texts = useTexts();
  const { time, timeIn } = useFormats();
  if (at === null || at === undefined) return <Text span size="sm" c="dimmed">{texts.common.never}</Text>;
  return (
    <Text span size="sm" title={at}>
      <time dateTime={at}>{time(at)}</time>
      {zone !== undefined && ` (${timeIn(at, zone)})`}
    </Text>
  );
}
