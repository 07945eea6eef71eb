import { Text } from "@mantine/core";

import { Screen } from "../parts/Screen";
import { useTexts } from "../texts/texts";

export function NotFound() {
  const texts = useTexts();
  return (
    <Screen title="404">
      <Text>{texts.common.noPage}</Text>
    </Screen>
  );
}
