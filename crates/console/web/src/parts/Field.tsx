// A name and what it says.

import { Box, Text } from "@mantine/core";
import type { ReactNode } from "react";

export function Field({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Box>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Box style={{ overflowWrap: "anywhere" }}>{children}</Box>
    </Box>
  );
}
