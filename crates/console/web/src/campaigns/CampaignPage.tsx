import { Button, Group, Paper, Stack, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";

import type { Schemas } from "../api/client";
import { campaign as readCampaign, progress as readProgress } from "../api/queries";
import { Field } from "../parts/Field";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { Why } from "../parts/Why";
import { fill, useFormats, useTexts } from "../texts/texts";
import { AccountBar } from "./AccountBar";
import { CampaignActions } from "./CampaignActions";
import { CampaignMessages } from "./CampaignMessages";
import { Exclusions } from "./Exclusions";

export function CampaignPage() {
  const { campaign: id } = useParams({ from: "/campaigns/$campaign" });
  const query = useQuery(readCampaign(id));
  return <Loaded query={query}>{(campaign) => <One campaign={campaign} />}</Loaded>;
}

function One({ campaign }: { campaign: Schemas["Campaign"] }) {
  const texts = useTexts();
  const words = texts.campaign;
  const { number } = useFormats();
  const progress = useQuery(readProgress(campaign.id));
  const planning = progress.data?.planning;
  return (
    <Screen
      title={campaign.name === "" ? campaign.id : campaign.name}
      actions={
        <>
          <CampaignActions campaign={campaign} />
          <Button component="a" href={`/v1/campaigns/${campaign.id}/report`} download variant="default">
            {words.report}
          </Button>
        </>
      }
    >
      <Group>
        <StateBadge state={campaign.state} words={words.states} />
        {progress.data?.why != null && <Why why={progress.data.why} />}
      </Group>
      <Paper withBorder p="md" component="section" aria-label={words.account}>
        <AccountBar account={campaign.account} />
        {planning !== undefined && !planning.done && campaign.state === "running" && (
          <Text size="sm">{fill(words.planning, { through: number(planning.planned_through), rows: number(planning.rows) })}</Text>
        )}
      </Paper>
      <Group align="flex-start" gap="xl">
        <Reasons title={words.excluded} counts={campaign.excluded} />
        <Reasons title={words.failed} counts={campaign.failed} />
        <Field name={texts.wizard.pool}><bdi>{campaign.pool}</bdi></Field>
        <Field name={words.created}><When at={campaign.created_at} /></Field>
      </Group>
      <Field name={words.text}>
        <Text component="pre" size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", margin: 0 }} dir="auto">
          {campaign.template}
        </Text>
      </Field>
      <Tabs defaultValue="messages" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="messages">{words.messages}</Tabs.Tab>
          <Tabs.Tab value="exclusions">{words.exclusions}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="messages" pt="md"><CampaignMessages id={campaign.id} /></Tabs.Panel>
        <Tabs.Panel value="exclusions" pt="md"><Exclusions id={campaign.id} /></Tabs.Panel>
      </Tabs>
    </Screen>
  );
}

function Reasons({ title, counts }: { title: string; counts: Record<string, number> }) {
  const { number } = useFormats();
  const entries = Object.entries(counts);
  if (entries.length === 0) return null;
  return (
    <Field name={title}>
      <Stack gap={0}>
        {entries.map(([reason, count]) => (
          <Text size="sm" key={reason}>
            {number(count)} {reason}
          </Text>
        ))}
      </Stack>
    </Field>
  );
}
