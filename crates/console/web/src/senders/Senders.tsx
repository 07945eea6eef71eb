import { Button, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";

import { senders } from "../api/queries";
import { LinkTo } from "../parts/LinkTo";
import { Paged } from "../parts/Paged";
import { Screen } from "../parts/Screen";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { Why } from "../parts/Why";
import { useTexts } from "../texts/texts";
import { AddSender } from "./AddSender";
import { Budget } from "./Budget";

export function Senders() {
  const texts = useTexts();
  const words = texts.sender;
  const query = useInfiniteQuery(senders);
  const [isAdding, adding] = useDisclosure();
  return (
    <Screen title={texts.nav.senders} actions={<Button onClick={adding.open}>{words.add}</Button>}>
      <AddSender isOpen={isAdding} close={adding.close} />
      <Paged
        query={query}
        label={texts.nav.senders}
        head={[texts.common.phone, texts.common.state, words.why, words.today, words.lastSent, words.pool]}
        row={(sender) => (
          <Table.Tr key={sender.id}>
            <Table.Td>
              <LinkTo to="/senders/$sender" params={{ sender: sender.id }}><bdi>{sender.phone}</bdi></LinkTo>
              {sender.name !== "" && <Text size="xs" style={{ overflowWrap: "anywhere" }}><bdi>{sender.name}</bdi></Text>}
            </Table.Td>
            <Table.Td>
              <StateBadge state={sender.state} words={words.states} /> <StateBadge state={sender.session.state} words={words.sessions} />
            </Table.Td>
            <Table.Td><Why why={sender.why} /></Table.Td>
            <Table.Td><Budget pace={sender.pace} /></Table.Td>
            <Table.Td><When at={sender.last_sent_at} zone={sender.timezone} /></Table.Td>
            <Table.Td><bdi>{sender.pools.join(", ")}</bdi></Table.Td>
          </Table.Tr>
        )}
      />
    </Screen>
  );
}
