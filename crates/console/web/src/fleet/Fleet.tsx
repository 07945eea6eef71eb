import { Badge, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { fleet } from "../api/queries";
import { Field } from "../parts/Field";
import { LinkTo } from "../parts/LinkTo";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { When } from "../parts/When";
import { Why } from "../parts/Why";
import { useFormats, useTexts } from "../texts/texts";

export function Fleet() {
  const texts = useTexts();
  const words = texts.fleet;
  const { number } = useFormats();
  return (
    <Screen title={texts.nav.fleet}>
      <Loaded query={useQuery(fleet)}>
        {(found) => (
          <>
            <Stack component="section" aria-label={words.workers}>
              {found.workers.length === 0 && <Text c="dimmed">{words.none}</Text>}
              {found.workers.map((worker) => (
                <WorkerCard key={worker.worker_id} worker={worker} />
              ))}
            </Stack>
            {found.unleased_count > 0 && (
              <Stack component="section" aria-label={words.unleased}>
                <Title order={2} size="h3">{words.unleased} ({number(found.unleased_count)})</Title>
                <Table>
                  <Table.Tbody>
                    {found.unleased.map((sender) => (
                      <Table.Tr key={sender.sender_id}>
                        <Table.Td>
                          <LinkTo to="/senders/$sender" params={{ sender: sender.sender_id }}><bdi>{sender.phone}</bdi></LinkTo>
                        </Table.Td>
                        <Table.Td><Why why={sender.why} /></Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Stack>
            )}
          </>
        )}
      </Loaded>
    </Screen>
  );
}

function WorkerCard({ worker }: { worker: Schemas["Worker"] }) {
  const texts = useTexts();
  const words = texts.fleet;
  const { number, bytes } = useFormats();
  return (
    <Card withBorder>
      <Group justify="space-between">
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>{worker.worker_id}</Text>
        {worker.silent && <Badge color="red">{words.silent}</Badge>}
      </Group>
      <Group gap="xl" mt="xs">
        <Field name={words.host}>{worker.host} {worker.pid != null && `(${worker.pid})`}</Field>
        <Field name={words.slots}>{worker.slots != null && number(worker.slots)}</Field>
        <Field name={words.senders}>{number(worker.senders_held)}</Field>
        <Field name={words.memory}>{worker.resident_bytes != null && bytes(worker.resident_bytes)}</Field>
        <Field name={words.seen}><When at={worker.seen_at} /></Field>
      </Group>
    </Card>
  );
}
