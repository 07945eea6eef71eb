// An installation of its own for each test, and a page that fails on whatever a person would not see: errors in the browser's console,
// unhandled rejections, requests that leave this machine.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { type APIRequestContext, type Page, test as base, expect, request as requests } from "@playwright/test";

export { expect };

const BINARY = process.env.PACELINE_BIN ?? "../../../target/debug/paceline";

export interface Installation {
  url: string;
  signIn: string;
  api: APIRequestContext;
  /** Ends the process, as a person would. */
  stop: () => Promise<void>;
  /** Starts it again, in the same folder and at the same address. */
  start: () => Promise<void>;
}

interface Running {
  process: ChildProcess;
  url: string;
  signIn: string;
  /** Of a new installation only. */
  key: string | undefined;
}

/** What an installation sees of the environment: a database or a broker that is set for other tests would be shared by all. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR };
}

async function start(folder: string, listen: string): Promise<Running> {
  const args = ["up", "--json", "--data-dir", folder, "--listen", listen];
  const child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "ignore"], env: environment() });
  const told: Record<string, Record<string, string>> = {};
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const event = JSON.parse(line) as Record<string, string>;
    if (event.event !== undefined) told[event.event] = event;
    if (told.ready !== undefined && told.sign_in !== undefined) break;
  }
  child.stdout?.resume();
  const { ready, sign_in: signIn, api_key: key } = told;
  if (ready?.api === undefined || signIn?.url === undefined) throw new Error(`not ready: ${JSON.stringify(Object.keys(told))}`);
  return { process: child, url: ready.api, signIn: signIn.url, key: key?.key };
}

/** What the browser says that a test did not expect. */
function watch(page: Page, origin: string, faults: string[]) {
  page.on("console", (message) => {
    // A refused request is shown by the browser as an error too; what the page makes of it is the test's business.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`unhandled: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:" && url.protocol !== "blob:") faults.push(`left the machine: ${url.origin}`);
  });
}

export const test = base.extend<{ installation: Installation; watched: (page: Page) => void }>({
  installation: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "paceline-console-"));
    let running = await start(folder, "127.0.0.1:0");
    const { url, signIn, key } = running;
    if (key === undefined) throw new Error("a new installation tells its API key");
    const api = await requests.newContext({ baseURL: url, extraHTTPHeaders: { authorization: `Bearer ${key}` } });
    const stop = async () => {
      const ended = once(running.process, "exit");
      running.process.kill("SIGTERM");
      await ended;
    };
    await use({
      url,
      signIn,
      api,
      stop,
      start: async () => {
        running = await start(folder, new URL(url).host);
      },
    });
    await api.dispose();
    await stop();
    rmSync(folder, { recursive: true, force: true });
  },
  watched: async ({ installation, page }, use) => {
    const faults: string[] = [];
    const start = (one: Page) => watch(one, installation.url, faults);
    start(page);
    await use(start);
    expect(faults).toEqual([]);
  },
});

/** A state as the page shows it. */
export function badge(page: Page, word: string) {
  return page.locator(".mantine-Badge-label").getByText(word, { exact: true }).first();
}

/** A sender without pacing. */
export async function addSender(api: APIRequestContext, phone: string) {
  const answer = await api.post("/v1/senders", { data: { phone, pools: ["main"], profile: "unlimited" } });
  expect(answer.status()).toBe(201);
}

/** A draft with a text and an audience. */
export async function draft(api: APIRequestContext, name: string, template: string, csv: string): Promise<string> {
  const made = await api.post("/v1/campaigns", { data: { name, template, pool: "main" } });
  expect(made.status()).toBe(201);
  const { id } = (await made.json()) as { id: string };
  const uploaded = await api.post(`/v1/campaigns/${id}/recipients`, { data: csv, headers: { "content-type": "text/csv" } });
  expect(uploaded.status()).toBe(200);
  return id;
}
