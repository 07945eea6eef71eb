// One stream of events for each tab. What an event touches is read again, at most twice a second however many there are; the browser
// goes on after the last event it saw when it was cut off.

import type { QueryClient } from "@tanstack/react-query";

import type { Schemas } from "./client";

export type Liveness = "connecting" | "live" | "behind";

const BATCH_MS = 500;

// An object of all kinds, so that the compiler asks for one that is new.
const EVENT_KINDS = Object.keys({
  "campaign.started": 0, "campaign.paused": 0, "campaign.resumed": 0, "campaign.reopened": 0, "campaign.completed": 0, "campaign.cancelled": 0,
  "message.sent": 0, "message.delivered": 0, "message.read": 0, "message.failed": 0, "message.unknown": 0, "message.resolved": 0,
  "message.expired": 0, "message.cancelled": 0, "message.received": 0, "contact.opted_out": 0, "sender.connected": 0,
  "sender.disconnected": 0, "sender.pairing": 0, "sender.suspended": 0, "webhook.exhausted": 0, "webhook.disabled": 0,
} satisfies Record<Schemas["EventKind"], 0>);

interface EventBody {
  sequence: string;
  type: string;
  data: Record<string, unknown>;
}

/** The keys of what an event changes. */
function touched(event: EventBody): string[][] {
  const [kind] = event.type.split(".");
  const id = (name: string) => (typeof event.data[name] === "string" ? [event.data[name]] : []);
  const campaign = id("campaign_id").map((one) => ["campaign", one]);
  const messages = id("message_id").map((one) => ["message", one]);
  const sender = id("sender_id").map((one) => ["sender", one]);
  switch (kind) {
    case "campaign":
      return [["campaigns"], ...campaign];
    case "message":
      return [["campaigns"], ...campaign, ...messages, ...sender, ["messages"]];
    case "sender":
      return [["senders"], ["fleet"], ...sender];
    case "contact":
      return [["suppressions"], ["campaigns"], ...campaign];
    case "webhook":
      return [["webhooks"]];
    default:
      return [];
  }
}

/** Follows the events from now on. Answers how to stop. */
export function follow(queries: QueryClient, told: (liveness: Liveness) => void) {
  const source = new EventSource("/v1/events/stream?after=latest");
  const stale = new Map<string, string[]>();
  let timer: number | undefined;
  const flush = () => {
    timer = undefined;
    for (const queryKey of stale.values()) void queries.invalidateQueries({ queryKey });
    stale.clear();
  };
  const note = (message: MessageEvent<string>) => {
    for (const key of touched(JSON.parse(message.data) as EventBody)) stale.set(key.join(), key);
    timer ??= window.setTimeout(flush, BATCH_MS);
  };
  source.onopen = () => told("live");
  source.onerror = () => told(source.readyState === EventSource.CLOSED ? "behind" : "connecting");
  for (const kind of EVENT_KINDS) source.addEventListener(kind, note);
  return () => {
    window.clearTimeout(timer);
    source.close();
  };
}
