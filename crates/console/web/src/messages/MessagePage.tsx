// A message's whole way: each step with its reason, and the next time something can happen.

import { Group, Paper, Stack, Table, Text, Timeline, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";

import type { Schemas } from "../api/client";
import { message as readMessage } from "../api/queries";
import { Field } from "../parts/Field";
import { LinkTo } from "../parts/LinkTo";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { Why } from "../parts/Why";
import { fill, useTexts } from "../texts/texts";
import { PhoneBubble } from "./PhoneBubble";
import { Resolve } from "./Resolve";

export function MessagePage() {
  const { message: id } = useParams({ from: "/messages/$message" });
  return <Loaded query={useQuery(readMessage(id))}>{(story) => <One story={story} />}</Loaded>;
}

function One({ story }: { story: Schemas["MessageStory"] }) {
  const texts = useTexts();
  const words = texts.message;
  return (
    <Screen title={`${words.title} · ${story.to ?? story.id}`}>
      <Group>
        <StateBadge state={story.state} words={words.states} />
        {story.why != null && <Why why={story.why} />}
      </Group>
      {story.state === "unknown" && <Resolve id={story.id} />}
      <PhoneBubble text={story.text} />
      <Group gap="xl" align="flex-start">
        {story.campaign_id != null && (
          <Field name={texts.nav.campaigns}>
            <LinkTo to="/campaigns/$campaign" params={{ campaign: story.campaign_id }}>{story.campaign_id}</LinkTo>
          </Field>
        )}
        {story.sender_id != null && (
          <Field name={words.from}>
            <LinkTo to="/senders/$sender" params={{ sender: story.sender_id }}>{story.sender_id}</LinkTo>
          </Field>
        )}
        <Field name={words.waId}><Text size="sm" ff="monospace">{story.wa_id}</Text></Field>
      </Group>
      <Paper withBorder p="md" component="section" aria-label={words.story}>
        <Title order={2} size="h4" mb="md">{words.story}</Title>
        <Timeline bulletSize={14} lineWidth={2} active={story.timeline.length}>
          {story.timeline.map((moment, place) => (
            <Timeline.Item key={place} title={moment.what}>
              <Stack gap={0}>
                <When at={moment.at} />
                <Text size="sm">
                  {[moment.attempt == null ? "" : fill(words.attempt, { number: String(moment.attempt) }), moment.reason ?? "", moment.by ?? ""].filter((part) => part !== "").join(" · ")}
                </Text>
              </Stack>
            </Timeline.Item>
          ))}
        </Timeline>
      </Paper>
      {story.attempts.length > 0 && (
        <Table aria-label={words.attempts}>
          <Table.Tbody>
            {story.attempts.map((attempt) => (
              <Table.Tr key={attempt.number}>
                <Table.Td>{fill(words.attempt, { number: String(attempt.number) })}</Table.Td>
                <Table.Td><When at={attempt.intended_at} /></Table.Td>
                <Table.Td>{attempt.outcome}</Table.Td>
                <Table.Td>{attempt.reason}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Screen>
  );
}
