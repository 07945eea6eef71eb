// Why something is where it is, in the words of the API, and until when.

import { Text } from "@mantine/core";

import type { Schemas } from "../api/client";
import { useTexts } from "../texts/texts";
import { When } from "./When";

export function Why({ why }: { why: Schemas["Why"] }) {
  const texts = useTexts();
  return (
    <Text size="sm">
      {why.detail}
      {why.until != null && (
        <>
          {" "}
          ({texts.common.until} <When at={why.until} />)
        </>
      )}
    </Text>
  );
}
