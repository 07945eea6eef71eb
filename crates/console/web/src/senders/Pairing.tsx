// The code to be entered on the phone, for as long as there is one. Never empty: without a code it says so, and why.

import { Paper, Text, Title } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { Loaded } from "../parts/Loaded";
import { When } from "../parts/When";
import { useTexts } from "../texts/texts";

// Below the sender's key, so that what is told of the sender renews the code too.
const pairing = (id: string) =>
  queryOptions({
    queryKey: ["sender", id, "pairing"],
    queryFn: () => answer(api.GET("/v1/senders/{id}/pairing", { params: { path: { id } } })),
  });

export function Pairing({ id }: { id: string }) {
  const texts = useTexts();
  const words = texts.sender;
  return (
    <Paper withBorder p="md" component="section" aria-label={words.pairing} aria-live="polite">
      <Title order={2} size="h4">{words.pairing}</Title>
      <Loaded query={useQuery(pairing(id))}>
        {(state) => (
          <>
            {state.code == null ? (
              <Text>{words.pairingNone}</Text>
            ) : (
              <>
                <Text size="sm">{words.pairingCode}</Text>
                <Text size="xl" fw={700} ff="monospace" style={{ overflowWrap: "anywhere" }}>{state.code}</Text>
              </>
            )}
            {state.detail != null && <Text size="sm">{state.detail}</Text>}
            <Text size="xs" c="dimmed">
              {texts.common.since} <When at={state.since} />
            </Text>
          </>
        )}
      </Loaded>
    </Paper>
  );
}
