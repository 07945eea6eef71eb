import { Button, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { deadLetters, unknownMessages } from "../api/queries";
import { MessageTable } from "../messages/MessageTable";
import { Paged } from "../parts/Paged";
import { Screen } from "../parts/Screen";
import { When } from "../parts/When";
import { useAction } from "../parts/actions";
import { useTexts } from "../texts/texts";

export function Attention() {
  const texts = useTexts();
  const words = texts.attention;
  const unknown = useInfiniteQuery(unknownMessages);
  const letters = useInfiniteQuery(deadLetters);
  const replay = useAction({
    run: (id: string) => answer(api.POST("/v1/dead-letters/{id}/replay", { params: { path: { id } } })),
    touches: [["dead-letters"]],
    done: words.replayed,
  });
  return (
    <Screen title={texts.nav.attention}>
      <Stack component="section" aria-labelledby="unknown">
        <Title order={2} size="h3" id="unknown">{words.unknown}</Title>
        <Text size="sm">{words.unknownExplain}</Text>
        <MessageTable query={unknown} label={words.unknown} />
      </Stack>
      <Stack component="section" aria-labelledby="letters">
        <Title order={2} size="h3" id="letters">{words.letters}</Title>
        <Text size="sm">{words.lettersExplain}</Text>
        <Paged
          query={letters}
          label={words.letters}
          head={[words.kind, texts.common.reason, texts.common.time, texts.common.actions]}
          row={(letter) => (
            <Table.Tr key={letter.id}>
              <Table.Td>{letter.result ?? letter.kind}</Table.Td>
              <Table.Td>{letter.reason}</Table.Td>
              <Table.Td><When at={letter.received_at} /></Table.Td>
              <Table.Td>
                {letter.replayed_at == null && letter.kind !== "unreadable" ? (
                  <Button size="xs" variant="default" loading={replay.isPending && replay.variables === letter.id} onClick={() => replay.mutate(letter.id)}>
                    {words.replay}
                  </Button>
                ) : (
                  letter.replayed_at != null && <When at={letter.replayed_at} />
                )}
              </Table.Td>
            </Table.Tr>
          )}
        />
      </Stack>
    </Screen>
  );
}
