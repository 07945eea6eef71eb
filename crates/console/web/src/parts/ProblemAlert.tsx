// A refusal: what, why, and where to look.

import { Alert, Button, Group, List, Text } from "@mantine/core";

import { ProblemError } from "../api/client";
import { useTexts } from "../texts/texts";

export function ProblemAlert({ error, retry }: { error: unknown; retry?: () => void }) {
  const texts = useTexts();
  const problem = error instanceof ProblemError ? error : undefined;
  const title = problem === undefined ? String(error) : problem.title === "" ? texts.problem.unreachable : problem.title;
  return (
    <Alert color="red" variant="light" title={title} role="alert">
      {problem?.detail !== undefined && <Text size="sm">{problem.detail}</Text>}
      {problem !== undefined && problem.errors.length > 1 && (
        <List size="sm">
          {problem.errors.map((one) => (
            <List.Item key={`${one.pointer ?? ""} ${one.detail}`}>
              {one.pointer} {one.detail}
            </List.Item>
          ))}
        </List>
      )}
      <Group mt="xs" gap="sm">
        {retry !== undefined && (
          <Button size="xs" variant="default" onClick={retry}>
            {texts.problem.tryAgain}
          </Button>
        )}
        {problem?.instance !== undefined && (
          <Text size="xs" c="dimmed">
            {texts.problem.request} <bdi>{problem.instance}</bdi>
          </Text>
        )}
      </Group>
    </Alert>
  );
}
