// The account as a bar: every planned message in exactly one part. What the parts do not add up to is told, never drawn away.

import { Alert, ColorSwatch, Group, Progress, Stack, Text } from "@mantine/core";

import type { Schemas } from "../api/client";
import { useFormats, useTexts } from "../texts/texts";

const PARTS = [
  ["sent", "teal.8"], ["failed", "red.8"], ["unknown", "orange.8"], ["expired", "grape.8"], ["cancelled", "gray.6"], ["waiting", "blue.7"],
] as const;
const AMONG_SENT = ["delivered", "read", "replied", "opted_out"] as const;

export function AccountBar({ account }: { account: Schemas["Account"] }) {
  const texts = useTexts();
  const { number } = useFormats();
  const words = texts.campaign.buckets;
  const sum = PARTS.reduce((total, [part]) => total + account[part], 0);
  const isBalanced = account.balanced && sum === account.planned;
  return (
    <Stack gap="xs">
      <Text fw={600} data-testid="planned">
        {number(account.planned)} {texts.campaign.planned}
      </Text>
      <Progress.Root size={20} aria-label={texts.campaign.account}>
        {PARTS.map(([part, colour]) => (
          <Progress.Section key={part} value={account.planned === 0 ? 0 : (100 * account[part]) / account.planned} color={colour} aria-label={`${words[part]}: ${number(account[part])}`} />
        ))}
      </Progress.Root>
      <Group gap="md" component="ul" style={{ listStyle: "none", padding: 0, margin: 0 }}>
        {PARTS.map(([part, colour]) => (
          <Group gap={6} key={part} component="li" data-testid={`bucket-${part}`}>
            <ColorSwatch color={`var(--mantine-color-${colour.replace(".", "-")})`} size={12} withShadow={false} aria-hidden />
            <Text size="sm">
              {number(account[part])} {words[part]}
            </Text>
          </Group>
        ))}
      </Group>
      <Text size="sm" c="dimmed">
        {AMONG_SENT.map((part) => `${number(account[part])} ${words[part]}`).join(" · ")}
      </Text>
      {isBalanced ? (
        <Text size="sm" c="dimmed">
          {texts.campaign.balanced}
        </Text>
      ) : (
        <Alert color="red" role="alert">
          {texts.campaign.unbalanced}
        </Alert>
      )}
    </Stack>
  );
}
