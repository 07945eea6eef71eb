import { Autocomplete, Button, Stack, Text, TextInput, Textarea } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { type Schemas, answer, api, idempotencyKey } from "../api/client";
import { pools as readPools } from "../api/queries";
import { ProblemAlert } from "../parts/ProblemAlert";
import { useAction } from "../parts/actions";
import { useTexts } from "../texts/texts";

const EMPTY = { name: "", template: "", pool: "main", region: "", phoneColumn: "" };

export function MessageStep({ campaign, onMade }: { campaign?: Schemas["Campaign"]; onMade: (id: string) => void }) {
  const texts = useTexts();
  const words = texts.wizard;
  const pools = useQuery(readPools);
  const stored =
    campaign === undefined
      ? EMPTY
      : {
          name: campaign.name,
          template: campaign.template,
          pool: campaign.pool,
          region: campaign.default_region ?? "",
          phoneColumn: campaign.phone_column ?? "",
        };
  const [typed, setTyped, forget] = useLocalStorage({
    key: campaign === undefined ? "paceline-new-campaign" : `paceline-draft-${campaign.id}`,
    defaultValue: stored,
    getInitialValueInEffect: false,
  });
  // The same request until it is answered: pressed twice, it makes one campaign.
  const [key] = useState(idempotencyKey);
  const change = (field: keyof typeof EMPTY) => (value: string) => setTyped((before) => ({ ...before, [field]: value }));
  const save = useAction({
    run: () => {
      const optional = { default_region: typed.region === "" ? null : typed.region.toUpperCase(), phone_column: typed.phoneColumn === "" ? null : typed.phoneColumn };
      const body = { name: typed.name, template: typed.template, pool: typed.pool, ...optional };
      return campaign === undefined
        ? answer(api.POST("/v1/campaigns", { body, headers: { "Idempotency-Key": key } }))
        : answer(api.PATCH("/v1/campaigns/{id}", { params: { path: { id: campaign.id } }, body }));
    },
    touches: [["campaigns"], ...(campaign === undefined ? [] : [["campaign", campaign.id]])],
    onDone: (made) => {
      forget();
      onMade(made.id);
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack maw={640}>
        <TextInput label={texts.campaign.name} value={typed.name} onChange={(event) => change("name")(event.currentTarget.value)} maxLength={200} />
        <Textarea
          label={words.template}
          description={words.templateExplain}
          required
          autosize
          minRows={4}
          dir="auto"
          value={typed.template}
          onChange={(event) => change("template")(event.currentTarget.value)}
        />
        {campaign !== undefined && campaign.columns.length > 0 && (
          <Text size="sm">
            {words.variables}:{" "}
            {campaign.columns.map((column) => (
              <Button key={column} size="compact-xs" variant="light" mr={4} tt="none" onClick={() => change("template")(`${typed.template}{{ ${column} }}`)}>
                <bdi>{column}</bdi>
              </Button>
            ))}
          </Text>
        )}
        <Autocomplete label={words.pool} required data={(pools.data?.items ?? []).map((pool) => pool.name)} value={typed.pool} onChange={change("pool")} />
        {pools.data !== undefined && !pools.data.items.some((pool) => pool.name === typed.pool && pool.active_senders > 0) && (
          <Text size="sm" c="dimmed">{words.noSender}</Text>
        )}
        <TextInput label={words.region} description={words.regionExplain} maxLength={2} value={typed.region} onChange={(event) => change("region")(event.currentTarget.value)} />
        <TextInput label={words.phoneColumn} placeholder="phone" value={typed.phoneColumn} onChange={(event) => change("phoneColumn")(event.currentTarget.value)} />
        {save.error !== null && <ProblemAlert error={save.error} />}
        <Button type="submit" loading={save.isPending}>{words.makeDraft}</Button>
      </Stack>
    </form>
  );
}
