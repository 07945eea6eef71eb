import { Button, Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { campaigns } from "../api/queries";
import { LinkTo } from "../parts/LinkTo";
import { Paged } from "../parts/Paged";
import { Screen } from "../parts/Screen";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { useFormats, useTexts } from "../texts/texts";

export function CampaignList() {
  const texts = useTexts();
  const { number } = useFormats();
  const query = useInfiniteQuery(campaigns);
  const words = texts.campaign;
  return (
    <Screen title={texts.nav.campaigns} actions={<Button component={Link} to="/campaigns/new">{words.new}</Button>}>
      <Paged
        query={query}
        label={texts.nav.campaigns}
        head={[words.name, words.state, words.planned, words.buckets.sent, words.buckets.waiting, words.buckets.replied, words.created]}
        row={(campaign) => (
          <Table.Tr key={campaign.id}>
            <Table.Td style={{ overflowWrap: "anywhere" }}>
              <LinkTo to="/campaigns/$campaign" params={{ campaign: campaign.id }}>
                <bdi>{campaign.name === "" ? campaign.id : campaign.name}</bdi>
              </LinkTo>
            </Table.Td>
            <Table.Td><StateBadge state={campaign.state} words={words.states} /></Table.Td>
            <Table.Td>{number(campaign.account.planned)}</Table.Td>
            <Table.Td>{number(campaign.account.sent)}</Table.Td>
            <Table.Td>{number(campaign.account.waiting)}</Table.Td>
            <Table.Td>{number(campaign.account.replied)}</Table.Td>
            <Table.Td><When at={campaign.created_at} /></Table.Td>
          </Table.Tr>
        )}
      />
    </Screen>
  );
}
