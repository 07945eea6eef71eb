import { Button, Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { deliveries } from "../api/queries";
import { Paged } from "../parts/Paged";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { useAction } from "../parts/actions";
import { useFormats, useTexts } from "../texts/texts";

export function Deliveries({ endpoint }: { endpoint: string }) {
  const texts = useTexts();
  const words = texts.webhook;
  const { number } = useFormats();
  const query = useInfiniteQuery(deliveries(endpoint));
  const redeliver = useAction({
    run: (delivery: string) =>
      answer(api.POST("/v1/webhook-endpoints/{id}/deliveries/{delivery}/redeliver", { params: { path: { id: endpoint, delivery } } })),
    touches: [["webhooks", endpoint]],
    done: words.redelivered,
  });
  return (
    <Paged
      query={query}
      label={words.deliveries}
      head={[texts.common.details, texts.common.state, words.attempts, words.lastError, words.next, texts.common.actions]}
      row={(delivery) => (
        <Table.Tr key={delivery.id}>
          <Table.Td>{delivery.type}</Table.Td>
          <Table.Td><StateBadge state={delivery.state} words={words.states} /></Table.Td>
          <Table.Td>{number(delivery.attempts)}</Table.Td>
          <Table.Td style={{ overflowWrap: "anywhere" }}>{[delivery.last_status, delivery.last_error].filter((part) => part != null).join(" ")}</Table.Td>
          <Table.Td>{delivery.next_at != null && <When at={delivery.next_at} />}</Table.Td>
          <Table.Td>
            {delivery.state !== "waiting" && (
              <Button size="xs" variant="default" loading={redeliver.isPending && redeliver.variables === delivery.id} onClick={() => redeliver.mutate(delivery.id)}>
                {words.redeliver}
              </Button>
            )}
          </Table.Td>
        </Table.Tr>
      )}
    />
  );
}
