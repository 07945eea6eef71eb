import { Alert, Button, FileInput, Group, List, Stack, Text } from "@mantine/core";
import { useState } from "react";

import { type Schemas, answer, api, idempotencyKey } from "../api/client";
import { ProblemAlert } from "../parts/ProblemAlert";
import { useAction } from "../parts/actions";
import { fill, useFormats, useTexts } from "../texts/texts";

interface Props {
  campaign: Schemas["Campaign"];
  back: () => void;
  next: () => void;
}

export function PeopleStep({ campaign, back, next }: Props) {
  const texts = useTexts();
  const words = texts.wizard;
  const [chosen, setChosen] = useState<{ file: File; key: string } | null>(null);
  const upload = useAction({
    run: ({ file, key }: { file: File; key: string }) =>
      answer(
        api.POST("/v1/campaigns/{id}/recipients", {
          params: { path: { id: campaign.id } },
          headers: { "Content-Type": "text/csv", "Idempotency-Key": key },
          body: file as never,
          bodySerializer: (body) => body as BodyInit,
        }),
      ),
    touches: [["campaign", campaign.id], ["campaigns"]],
    onDone: () => setChosen(null),
  });
  return (
    <Stack maw={640}>
      <FileInput
        label={words.file}
        placeholder={words.choose}
        accept=".csv,.txt,text/csv"
        value={chosen?.file ?? null}
        onChange={(file) => setChosen(file === null ? null : { file, key: idempotencyKey() })}
        clearable
      />
      <Group>
        <Button variant="default" onClick={back}>{texts.common.back}</Button>
        <Button disabled={chosen === null} loading={upload.isPending} onClick={() => chosen !== null && upload.mutate(chosen)}>
          {words.upload}
        </Button>
        <Button variant="light" disabled={campaign.rows === 0 || chosen !== null} onClick={next}>{texts.common.next}</Button>
      </Group>
      {upload.isPending && <Text size="sm" role="status">{words.uploading}</Text>}
      {upload.error !== null && <ProblemAlert error={upload.error} />}
      {upload.data !== undefined && <Summary upload={upload.data} />}
    </Stack>
  );
}

/** Every row of the file: who can be sent to, and who cannot and why. */
function Summary({ upload }: { upload: Schemas["Upload"] }) {
  const texts = useTexts();
  const words = texts.wizard;
  const { number } = useFormats();
  const reasons = Object.entries(upload.excluded);
  const left = reasons.reduce((sum, [, count]) => sum + count, 0);
  return (
    <Alert color={left === 0 ? "green" : "yellow"} role="status">
      <Text size="sm">{fill(words.accepted, { accepted: number(upload.accepted), rows: number(upload.rows) })}</Text>
      {left > 0 && (
        <>
          <Text size="sm">{fill(words.refused, { count: number(left) })}</Text>
          <List size="sm">
            {reasons.map(([reason, count]) => (
              <List.Item key={reason}>{number(count)} {reason}</List.Item>
            ))}
            {upload.errors.map((error) => (
              <List.Item key={error.row} style={{ overflowWrap: "anywhere" }}>
                {texts.common.row} {number(error.row)}: {error.detail}
              </List.Item>
            ))}
          </List>
        </>
      )}
    </Alert>
  );
}
