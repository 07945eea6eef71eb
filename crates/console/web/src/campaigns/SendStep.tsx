import { Button, Group, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";

import { type Schemas, answer, api } from "../api/client";
import { ProblemAlert } from "../parts/ProblemAlert";
import { useAction } from "../parts/actions";
import { fill, useFormats, useTexts } from "../texts/texts";

export function SendStep({ campaign, back }: { campaign: Schemas["Campaign"]; back: () => void }) {
  const texts = useTexts();
  const words = texts.wizard;
  const { number } = useFormats();
  const navigate = useNavigate();
  const left = Object.values(campaign.excluded).reduce((sum, count) => sum + count, 0);
  const show = () => void navigate({ to: "/campaigns/$campaign", params: { campaign: campaign.id } });
  const start = useAction({
    run: () => answer(api.POST("/v1/campaigns/{id}/start", { params: { path: { id: campaign.id } } })),
    touches: [["campaigns"], ["campaign", campaign.id]],
    done: texts.campaign.started,
    onDone: show,
  });
  return (
    <Stack maw={640}>
      <Text fw={600}>{words.ready}</Text>
      <Text>{fill(words.reach, { accepted: number(campaign.rows - left), pool: campaign.pool })}</Text>
      <Text size="sm">{texts.campaign.startExplain}</Text>
      {start.error !== null && <ProblemAlert error={start.error} />}
      <Group>
        <Button variant="default" onClick={back}>{texts.common.back}</Button>
        <Button variant="default" onClick={show}>{words.keep}</Button>
        {campaign.allowed_actions.includes("start") && <Button loading={start.isPending} onClick={() => start.mutate()}>{texts.campaign.start}</Button>}
      </Group>
    </Stack>
  );
}
