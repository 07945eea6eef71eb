// A state as a word with a colour; the word says all that the colour does.

import { Badge } from "@mantine/core";

const COLOURS: Record<string, string> = {
  running: "green", active: "green", connected: "green", delivered: "green", read: "green", sent: "teal", completed: "teal",
  scheduled: "blue", waiting: "blue", sending: "blue", pairing: "blue", paused: "yellow", unknown: "orange", unpaired: "orange",
  disconnected: "orange", replaced: "orange", failed: "red", exhausted: "red", banned: "red", suspended: "red", logged_out: "red",
};

export function StateBadge({ state, words }: { state: string; words: Record<string, string> }) {
  return (
    <Badge color={COLOURS[state] ?? "gray"} variant="dot" tt="none">
      {words[state] ?? state}
    </Badge>
  );
}
