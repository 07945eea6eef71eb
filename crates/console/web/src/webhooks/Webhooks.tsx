import { Accordion, Alert, Button, Code, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { type Schemas, answer, api } from "../api/client";
import { webhookEndpoints } from "../api/queries";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { useAction, useConfirm } from "../parts/actions";
import { useTexts } from "../texts/texts";
import { Deliveries } from "./Deliveries";

export function Webhooks() {
  const texts = useTexts();
  const words = texts.webhook;
  return (
    <Screen title={texts.nav.webhooks}>
      <Text size="sm">{words.explain}</Text>
      <AddEndpoint />
      <Loaded query={useQuery(webhookEndpoints)}>
        {({ items }) =>
          items.length === 0 ? (
            <Text c="dimmed">{texts.common.none}</Text>
          ) : (
            <Accordion variant="separated" order={2}>
              {items.map((endpoint) => (
                <Endpoint key={endpoint.id} endpoint={endpoint} />
              ))}
            </Accordion>
          )
        }
      </Loaded>
    </Screen>
  );
}

function Endpoint({ endpoint }: { endpoint: Schemas["WebhookEndpoint"] }) {
  const texts = useTexts();
  const words = texts.webhook;
  const confirm = useConfirm();
  const remove = useAction({
    run: () => answer(api.DELETE("/v1/webhook-endpoints/{id}", { params: { path: { id: endpoint.id } } })),
    touches: [["webhooks"]],
    done: texts.common.done,
  });
  return (
    <Accordion.Item value={endpoint.id}>
      <Accordion.Control>
        <Text style={{ overflowWrap: "anywhere" }}><bdi>{endpoint.url}</bdi></Text>
        <Text size="xs" c="dimmed">{endpoint.events.length === 0 ? words.all : endpoint.events.join(", ")}</Text>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack>
          <Deliveries endpoint={endpoint.id} />
          <Group>
            <Button size="xs" color="red" variant="default" onClick={() => confirm(texts.common.remove, words.removeExplain, () => remove.mutate(), true)}>
              {texts.common.remove}
            </Button>
          </Group>
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function AddEndpoint() {
  const texts = useTexts();
  const words = texts.webhook;
  const [url, setUrl] = useState("");
  const [secret, setSecret] = useState<string>();
  const add = useAction({
    run: () => answer(api.POST("/v1/webhook-endpoints", { body: { url } })),
    touches: [["webhooks"]],
    onDone: (added) => {
      setUrl("");
      setSecret(added.secret);
    },
  });
  return (
    <Paper withBorder p="md" component="form" onSubmit={(event: React.FormEvent) => { event.preventDefault(); add.mutate(); }}>
      <Group align="flex-end">
        <TextInput label={words.url} type="url" placeholder="https://" required value={url} onChange={(event) => setUrl(event.currentTarget.value)} miw={280} />
        <Button type="submit" loading={add.isPending}>{words.add}</Button>
      </Group>
      {secret !== undefined && (
        <Alert mt="md" color="green" withCloseButton closeButtonLabel={texts.common.close} onClose={() => setSecret(undefined)}>
          {words.secret} <Code>{secret}</Code>
        </Alert>
      )}
    </Paper>
  );
}
