// The buttons of a campaign: those that its state allows, as the API says, each with what it does.

import { Button } from "@mantine/core";

import { type Schemas, answer, api } from "../api/client";
import { useAction, useConfirm } from "../parts/actions";
import { useTexts } from "../texts/texts";

type Verb = "start" | "pause" | "resume" | "cancel";
const VERBS: readonly Verb[] = ["start", "pause", "resume", "cancel"];

export function CampaignActions({ campaign }: { campaign: Schemas["Campaign"] }) {
  const texts = useTexts();
  const words = texts.campaign;
  const confirm = useConfirm();
  const explains = { start: words.startExplain, pause: words.pauseExplain, resume: words.resumeExplain, cancel: words.cancelExplain };
  const told = { start: words.started, pause: words.paused, resume: words.resumed, cancel: words.cancelled };
  const touches = [["campaigns"], ["campaign", campaign.id]];
  const params = { params: { path: { id: campaign.id } } };
  const runs = {
    start: useAction({ run: () => answer(api.POST("/v1/campaigns/{id}/start", params)), touches, done: told.start }),
    pause: useAction({ run: () => answer(api.POST("/v1/campaigns/{id}/pause", params)), touches, done: told.pause }),
    resume: useAction({ run: () => answer(api.POST("/v1/campaigns/{id}/resume", params)), touches, done: told.resume }),
    cancel: useAction({ run: () => answer(api.POST("/v1/campaigns/{id}/cancel", params)), touches, done: told.cancel }),
  };
  return VERBS.filter((verb) => campaign.allowed_actions.includes(verb)).map((verb) => (
    <Button
      key={verb}
      variant={verb === "start" || verb === "resume" ? "filled" : "default"}
      {...(verb === "cancel" ? { color: "red" } : {})}
      loading={runs[verb].isPending}
      onClick={() => confirm(words[verb], explains[verb], () => runs[verb].mutate(), verb === "cancel")}
    >
      {words[verb]}
    </Button>
  ));
}
