// A person decides about a message of which nobody knows whether it was sent.

import { Alert, Button, Group, Text } from "@mantine/core";

import { type Schemas, answer, api } from "../api/client";
import { useAction, useConfirm } from "../parts/actions";
import { useTexts } from "../texts/texts";

const CHOICES = ["sent", "failed", "resend"] as const;

export function Resolve({ id }: { id: string }) {
  const texts = useTexts();
  const words = texts.message;
  const confirm = useConfirm();
  const resolve = useAction({
    run: (as: Schemas["Resolution"]) => answer(api.POST("/v1/messages/{id}/resolve", { params: { path: { id } }, body: { as } })),
    touches: [["message", id], ["messages"], ["campaigns"], ["campaign"]],
    done: words.resolved,
  });
  return (
    <Alert color="orange">
      <Text size="sm" mb="xs">{words.resolve}</Text>
      <Group gap="xs">
        {CHOICES.map((as) => (
          <Button
            key={as}
            size="xs"
            variant="default"
            loading={resolve.isPending}
            onClick={() => (as === "resend" ? confirm(words.resend, words.resendExplain, () => resolve.mutate(as), true) : resolve.mutate(as))}
          >
            {words[as]}
          </Button>
        ))}
      </Group>
    </Alert>
  );
}
