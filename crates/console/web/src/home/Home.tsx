// What runs, and what needs a person: each a link.

import { Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { campaigns, deadLetters, fleet, senders, unknownMessages } from "../api/queries";
import { AccountBar } from "../campaigns/AccountBar";
import { LinkTo } from "../parts/LinkTo";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { StateBadge } from "../parts/StateBadge";
import { useFormats, useTexts } from "../texts/texts";

export function Home() {
  const texts = useTexts();
  const all = useInfiniteQuery(campaigns);
  return (
    <Screen title={texts.nav.home} actions={<Button component={Link} to="/campaigns/new">{texts.campaign.new}</Button>}>
      <Needs />
      <Stack component="section" aria-labelledby="running">
        <Title order={2} size="h3" id="running">{texts.home.running}</Title>
        <Loaded query={all}>
          {({ pages }) => {
            const known = pages.flatMap((page) => page.items);
            const active = known.filter(({ state }) => state === "running" || state === "paused" || state === "scheduled");
            if (known.length === 0) {
              return (
                <Card withBorder>
                  <Text fw={600}>{texts.home.first}</Text>
                  <Text size="sm">{texts.home.firstExplain}</Text>
                </Card>
              );
            }
            if (active.length === 0) return <Text c="dimmed">{texts.home.nothingRuns}</Text>;
            return active.map((campaign) => (
              <Card withBorder key={campaign.id}>
                <Group mb="xs">
                  <LinkTo to="/campaigns/$campaign" params={{ campaign: campaign.id }} fw={600} style={{ overflowWrap: "anywhere" }}>
                    <bdi>{campaign.name === "" ? campaign.id : campaign.name}</bdi>
                  </LinkTo>
                  <StateBadge state={campaign.state} words={texts.campaign.states} />
                </Group>
                <AccountBar account={campaign.account} />
              </Card>
            ));
          }}
        </Loaded>
      </Stack>
    </Screen>
  );
}

function Needs() {
  const texts = useTexts();
  const { number } = useFormats();
  const words = texts.home;
  const unknown = useInfiniteQuery(unknownMessages);
  const letters = useInfiniteQuery(deadLetters);
  const numbers = useInfiniteQuery(senders);
  const workers = useQuery(fleet);
  const listed = numbers.data?.pages.flatMap((page) => page.items) ?? [];
  // What a page holds; there may be more.
  const many = (query: { data?: { pages: { items: unknown[]; next_cursor?: string | null }[] } | undefined }) => {
    const pages = query.data?.pages ?? [];
    const count = pages.reduce((sum, page) => sum + page.items.length, 0);
    return { count, text: number(count) + (pages.at(-1)?.next_cursor == null ? "" : "+") };
  };
  const of = (states: string[]) => {
    const count = listed.filter((sender) => sender.state === "active" && states.includes(sender.session.state)).length;
    return { count, text: number(count) };
  };
  const unworked = workers.data?.unleased_count ?? 0;
  const needs = [
    { ...many(unknown), to: "/attention", what: words.unknown },
    { ...many(letters), to: "/attention", what: words.letters },
    { ...of(["unpaired", "pairing", "logged_out"]), to: "/senders", what: words.unpaired },
    { ...of(["suspended", "banned"]), to: "/senders", what: words.barred },
    { count: unworked, text: number(unworked), to: "/fleet", what: words.unworked },
  ].filter((need) => need.count > 0);
  return (
    <Stack component="section" aria-labelledby="needs">
      <Title order={2} size="h3" id="needs">{words.needs}</Title>
      {needs.length === 0 ? (
        <Text c="dimmed">{words.allWell}</Text>
      ) : (
        <Group>
          {needs.map(({ text, to, what }) => (
            <LinkTo key={what} to={to}>
              {text} {what}
            </LinkTo>
          ))}
        </Group>
      )}
    </Stack>
  );
}
