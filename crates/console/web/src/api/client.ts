// The API, with the types of its own document. A refusal is thrown as what it is: a problem with title, cause and cure.

import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** A refusal (RFC 9457), or that nobody answered. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string | undefined,
    readonly instance: string | undefined,
    readonly errors: readonly { pointer?: string | null; detail: string }[] = [],
  ) {
    super(detail ?? title);
  }
}

/** Told when the session is over. */
export const sessionEnded = new EventTarget();

// Only a page of ours can read it; a change without it is refused.
let csrfToken = "";
export function setCsrfToken(token: string) {
  csrfToken = token;
}

const client = createClient<paths>({ baseUrl: "", querySerializer: { array: { style: "form", explode: true } } });
client.use({
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  onResponse({ request, response }) {
    const isSigningIn = request.method === "POST" && new URL(request.url).pathname === "/v1/session";
    if (response.status === 401 && !isSigningIn) sessionEnded.dispatchEvent(new Event("ended"));
  },
});

export const api = client;

/** The answer, or its refusal as an exception. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let done;
  try {
    done = await call;
  } catch {
    throw new ProblemError(0, "", undefined, undefined);
  }
  if (done.response.ok) return done.data as T;
  throw toProblem(done.response.status, done.error);
}

export function toProblem(status: number, body: unknown): ProblemError {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Partial<Schemas["Problem"]>;
  const errors = (problem.errors ?? []).map((one) => ({ pointer: one.pointer ?? null, detail: one.detail }));
  return new ProblemError(status, problem.title ?? "", problem.detail ?? undefined, problem.instance, errors);
}

/** What names a request, so that a repetition is the same request. Works on plain http, where `crypto.randomUUID` does not exist. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
