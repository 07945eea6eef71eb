import { Text } from "@mantine/core";

import type { Schemas } from "../api/client";
import { fill, useFormats, useTexts } from "../texts/texts";

export function Budget({ pace }: { pace: Schemas["SenderPace"] }) {
  const words = useTexts().sender;
  const { number } = useFormats();
  const rest = pace.left_today == null ? words.noCap : fill(words.left, { left: number(pace.left_today) });
  return (
    <Text size="sm">
      {number(pace.spent_today)} ({rest})
    </Text>
  );
}
