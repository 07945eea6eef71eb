import { Table, Text } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { LinkTo } from "../parts/LinkTo";
import { Paged } from "../parts/Paged";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { useTexts } from "../texts/texts";

type Query = UseInfiniteQueryResult<InfiniteData<{ items: Schemas["Message"][] }>>;

export function MessageTable({ query, label }: { query: Query; label: string }) {
  const texts = useTexts();
  return (
    <Paged
      query={query}
      label={label}
      head={[texts.message.to, texts.common.state, texts.common.text, texts.common.time]}
      row={(message) => (
        <Table.Tr key={message.id}>
          <Table.Td>
            <LinkTo to="/messages/$message" params={{ message: message.id }}>
              <bdi>{message.to ?? message.id}</bdi>
            </LinkTo>
          </Table.Td>
          <Table.Td>
            <StateBadge state={message.state} words={texts.message.states} />
            {message.reason != null && <Text size="xs">{message.reason}</Text>}
          </Table.Td>
          <Table.Td maw={380}>
            <Text size="sm" lineClamp={2} dir="auto" style={{ overflowWrap: "anywhere" }}>
              {message.text}
            </Text>
          </Table.Td>
          <Table.Td>
            <When at={message.read_at ?? message.delivered_at ?? message.sent_at ?? message.ended_at ?? message.created_at} />
          </Table.Td>
        </Table.Tr>
      )}
    />
  );
}
