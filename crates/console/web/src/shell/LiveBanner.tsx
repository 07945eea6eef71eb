// Follows the events, and says when what is shown may be behind.

import { Alert, Button, Group } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { type Liveness, follow } from "../api/live";
import { useTexts } from "../texts/texts";

/** How long a cut may last before it is told. */
const PATIENCE_MS = 3000;

export function LiveBanner() {
  const texts = useTexts();
  const queries = useQueryClient();
  const [liveness, setLiveness] = useState<Liveness>("connecting");
  const [isLate, setLate] = useState(false);
  useEffect(() => follow(queries, setLiveness), [queries]);
  useEffect(() => {
    if (liveness === "live") {
      setLate(false);
      // What happened between the first reading and the stream, or in a cut that the log no longer holds.
      void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      return;
    }
    const timer = window.setTimeout(() => setLate(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, [liveness, queries]);
  if (liveness === "live" || !isLate) return null;
  return (
    <Alert color="yellow" mb="md" role="status">
      <Group justify="space-between">
        {liveness === "behind" ? texts.live.behind : texts.live.connecting}
        {liveness === "behind" && (
          <Button size="xs" variant="default" onClick={() => window.location.reload()}>
            {texts.live.reload}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
