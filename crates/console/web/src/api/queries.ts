// What pages read. Nothing is polled: events say what has changed (see live.ts).

import { QueryClient, infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { ProblemError, type Schemas, answer, api } from "./client";

const PAGE = 50;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      // A refusal is the same the next time; a database that is away is not.
      retry: (failures, error) => failures < 3 && error instanceof ProblemError && (error.status === 0 || error.status === 503),
    },
  },
});

interface Listing<T> {
  items: T[];
  next_cursor?: string | null;
}

function list<T>(key: readonly unknown[], read: (cursor: string | undefined) => Promise<Listing<T>>) {
  return infiniteQueryOptions({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

type Cursor = { limit: number; cursor?: string };
const at = (cursor: string | undefined): Cursor => (cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor });

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: () => answer(api.GET("/v1/session")),
  retry: false,
  staleTime: Infinity,
});

export const sessions = queryOptions({ queryKey: ["sessions"], queryFn: () => answer(api.GET("/v1/sessions")) });

export const workspace = queryOptions({ queryKey: ["workspace"], queryFn: () => answer(api.GET("/v1/workspace")) });

export const campaigns = list(["campaigns"], (cursor) => answer(api.GET("/v1/campaigns", { params: { query: at(cursor) } })));

export const campaign = (id: string) =>
  queryOptions({
    queryKey: ["campaign", id],
    queryFn: () => answer(api.GET("/v1/campaigns/{id}", { params: { path: { id } } })),
  });

export const progress = (id: string) =>
  queryOptions({
    queryKey: ["campaign", id, "progress"],
    queryFn: () => answer(api.GET("/v1/campaigns/{id}/progress", { params: { path: { id } } })),
  });

export const preview = (id: string, template: string) =>
  queryOptions({
    queryKey: ["preview", id, template],
    queryFn: () => answer(api.POST("/v1/campaigns/{id}/preview", { params: { path: { id } }, body: { template } })),
    retry: false,
  });

export const exclusions = (id: string) =>
  list(["campaign", id, "exclusions"], (cursor) =>
    answer(api.GET("/v1/campaigns/{id}/exclusions", { params: { path: { id }, query: at(cursor) } })),
  );

export const campaignMessages = (id: string, state: Schemas["MessageState"] | null) =>
  list(["campaign", id, "messages", state], (cursor) =>
    answer(
      api.GET("/v1/campaigns/{id}/messages", {
        params: { path: { id }, query: { ...at(cursor), ...(state === null ? {} : { state }) } },
      }),
    ),
  );

export const unknownMessages = list(["messages", "unknown"], (cursor) =>
  answer(api.GET("/v1/messages", { params: { query: { ...at(cursor), state: "unknown" } } })),
);

export const message = (id: string) =>
  queryOptions({
    queryKey: ["message", id],
    queryFn: () => answer(api.GET("/v1/messages/{id}", { params: { path: { id } } })),
  });

export const senders = list(["senders"], (cursor) => answer(api.GET("/v1/senders", { params: { query: at(cursor) } })));

export const sender = (id: string) =>
  queryOptions({
    queryKey: ["sender", id],
    queryFn: () => answer(api.GET("/v1/senders/{id}", { params: { path: { id } } })),
  });

export const pools = queryOptions({ queryKey: ["senders", "pools"], queryFn: () => answer(api.GET("/v1/pools")) });

export const deadLetters = list(["dead-letters"], (cursor) =>
  answer(api.GET("/v1/dead-letters", { params: { query: at(cursor) } })),
);

export const suppressions = (phone: string) =>
  list(["suppressions", phone], (cursor) =>
    answer(api.GET("/v1/suppressions", { params: { query: { ...at(cursor), ...(phone === "" ? {} : { phone }) } } })),
  );

export const webhookEndpoints = queryOptions({
  queryKey: ["webhooks"],
  queryFn: () => answer(api.GET("/v1/webhook-endpoints")),
});

export const deliveries = (id: string) =>
  list(["webhooks", id, "deliveries"], (cursor) =>
    answer(api.GET("/v1/webhook-endpoints/{id}/deliveries", { params: { path: { id }, query: at(cursor) } })),
  );

export const fleet = queryOptions({ queryKey: ["fleet"], queryFn: () => answer(api.GET("/v1/fleet")) });
