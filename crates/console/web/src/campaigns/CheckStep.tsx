import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { preview as readPreview } from "../api/queries";
import { PhoneBubble } from "../messages/PhoneBubble";
import { Loaded } from "../parts/Loaded";
import { fill, useTexts } from "../texts/texts";

interface Props {
  campaign: Schemas["Campaign"];
  back: () => void;
  next: () => void;
}

export function CheckStep({ campaign, back, next }: Props) {
  const texts = useTexts();
  const words = texts.wizard;
  const preview = useQuery({ ...readPreview(campaign.id, campaign.template), staleTime: 0 });
  const isMissing = (preview.data?.missing_variables.length ?? 1) > 0;
  return (
    <Stack maw={640}>
      <Text fw={600}>{words.previewTitle}</Text>
      <Loaded query={preview}>
        {(found) => (
          <>
            {found.missing_variables.length > 0 && (
              <Alert color="red" role="alert">{fill(words.missing, { names: found.missing_variables.join(", ") })}</Alert>
            )}
            {found.rows.map((row) => (
              <Stack gap={4} key={row.row}>
                <Text size="xs" c="dimmed">{texts.common.row} {row.row} · <bdi>{row.phone}</bdi></Text>
                {row.text == null ? (
                  <Text size="sm" c="dimmed">{fill(words.leftOut, { reason: row.exclusion?.detail ?? "" })}</Text>
                ) : (
                  <PhoneBubble text={row.text} />
                )}
              </Stack>
            ))}
          </>
        )}
      </Loaded>
      <Group>
        <Button variant="default" onClick={back}>{texts.common.back}</Button>
        <Button disabled={isMissing} onClick={next}>{texts.common.next}</Button>
      </Group>
    </Stack>
  );
}
