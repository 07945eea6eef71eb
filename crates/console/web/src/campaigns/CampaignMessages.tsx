// Who got it, and what exactly they got.

import { NativeSelect, Stack } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../api/client";
import { campaignMessages } from "../api/queries";
import { MessageTable } from "../messages/MessageTable";
import { useTexts } from "../texts/texts";

type State = Schemas["MessageState"];

export function CampaignMessages({ id }: { id: string }) {
  const texts = useTexts();
  const words = texts.message.states;
  const [state, setState] = useState<State | null>(null);
  const query = useInfiniteQuery(campaignMessages(id, state));
  const choices = [{ value: "", label: texts.campaign.allStates }, ...Object.entries(words).map(([value, label]) => ({ value, label }))];
  return (
    <Stack>
      <NativeSelect
        label={texts.common.state}
        data={choices}
        value={state ?? ""}
        onChange={(event) => setState(event.currentTarget.value === "" ? null : (event.currentTarget.value as State))}
        maw={240}
      />
      <MessageTable query={query} label={texts.campaign.messages} />
    </Stack>
  );
}
