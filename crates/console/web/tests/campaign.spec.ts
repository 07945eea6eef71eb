// From the first sign-in to a finished campaign, and what may come between.

import { addSender, badge, draft, expect, test } from "./installation";

const CSV = ["phone,name", "+4915112000011,Ana", "+4915112000012,Ben", "+4915112000011,Ana", "12,Nobody", "+4915112000013,"].join("\n");

test("a person signs in by the link, adds a sender, and sends a first campaign", async ({ page, installation, watched }) => {
  void watched;
  await page.goto(installation.signIn);
  await expect(page.getByText("Send your first campaign")).toBeVisible();
  expect(page.url()).toBe(`${installation.url}/`);

  await page.getByRole("link", { name: "Senders" }).click();
  await page.getByRole("button", { name: "Add a sender" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Phone number").fill("+491511234567");
  await dialog.getByLabel("Pacing profile").fill("unlimited");
  await dialog.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("link", { name: "+491511234567" })).toBeVisible();
  await expect(badge(page, "connected")).toBeVisible();

  await page.getByRole("link", { name: "Campaigns" }).click();
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByLabel("Name").fill("Spring");
  await page.getByLabel("Text of the message").fill("{Hi|Hello} {{ name | default('there') }}");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.locator("input[type=file]").setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) });
  await page.getByRole("button", { name: "Check this file" }).click();
  await expect(page.getByText("3 of 5 rows can be sent to.")).toBeVisible();
  await expect(page.getByText("1 duplicate")).toBeVisible();
  await expect(page.getByText("1 invalid_phone")).toBeVisible();
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText(/^(Hi|Hello) Ana$/)).toBeVisible();
  await expect(page.getByText(/^(Hi|Hello) there$/)).toBeVisible();
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("3 people get this message")).toBeVisible();
  await page.getByRole("button", { name: "Start" }).click();

  await expect(badge(page, "completed")).toBeVisible();
  await expect(page.getByTestId("bucket-sent")).toHaveText("3 sent");
  await expect(page.getByText("The account balances.")).toBeVisible();
  const id = page.url().split("/").at(-1) ?? "";
  const stored = (await (await installation.api.get(`/v1/campaigns/${id}`)).json()) as { account: { sent: number; planned: number } };
  expect(stored.account).toMatchObject({ planned: 3, sent: 3 });

  await page.getByRole("link", { name: "+4915112000012" }).click();
  await expect(page.getByRole("region", { name: "What happened" })).toBeVisible();
  await expect(page.getByText(/^(Hi|Hello) Ben$/)).toBeVisible();
});

test("a link signs in once; a key signs in, and out again", async ({ page, installation, watched }) => {
  void watched;
  await page.goto(installation.signIn);
  await page.getByRole("link", { name: "Settings" }).click();
  await expect(page.getByText("this browser")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("API key")).toBeVisible();
  await page.goto(installation.signIn);
  await expect(page.getByLabel("API key")).toBeVisible();
  await page.getByLabel("API key").fill("pl_nonsense");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("an API key is pl_");
});

test("a session that ends in the middle of the wizard loses nothing", async ({ page, installation, watched }) => {
  void watched;
  await page.goto(installation.signIn);
  await expect(page.getByText("What needs you")).toBeVisible();
  await page.goto(`${installation.url}/campaigns/new`);
  await page.getByLabel("Text of the message").fill("Typed and not lost");
  const { items } = (await (await installation.api.get("/v1/sessions")).json()) as { items: { id: string }[] };
  for (const one of items) await installation.api.delete(`/v1/sessions/${one.id}`);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("Your session is over.", { exact: false })).toBeVisible();
  await expect(page.getByLabel("Text of the message")).toHaveValue("Typed and not lost");
});

test("what the state no longer allows is not offered, and refused where a second tab still offers it", async ({ page, context, installation, watched }) => {
  await addSender(installation.api, "+491511234567");
  const id = await draft(installation.api, "Two tabs", "Hello", "phone\n+4915112000001\n");
  await page.goto(installation.signIn);
  await expect(page.getByText("What needs you")).toBeVisible();
  await page.goto(`${installation.url}/campaigns/${id}`);
  const second = await context.newPage();
  watched(second);
  await second.goto(`${installation.url}/campaigns/${id}`);
  await expect(second.getByRole("button", { name: "Cancel the campaign" })).toBeVisible();
  // The second tab hears of nothing.
  await second.route("**/v1/campaigns/**", (route) => (route.request().method() === "GET" ? route.abort() : route.continue()));
  await page.getByRole("button", { name: "Cancel the campaign" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the campaign" }).click();
  await expect(badge(page, "cancelled")).toBeVisible();
  await expect(page.getByRole("button", { name: "Start" })).toHaveCount(0);
  await second.getByRole("button", { name: "Start" }).click();
  await second.getByRole("dialog").getByRole("button", { name: "Start" }).click();
  await expect(second.getByRole("alert").first()).toContainText("The campaign's state does not allow this");
});

test("what people write is never interpreted", async ({ page, installation, watched }) => {
  void watched;
  const hostile = `<img src=x onerror="document.title='owned'"> ${"x".repeat(150)}`;
  const id = await draft(installation.api, hostile.slice(0, 190), `<script>document.title='owned'</script> \u202Eevil\u202C {{ name }}`, `phone,name\n+4915112000001,"<b onclick=alert(1)>Ana</b>"\n`);
  await page.goto(installation.signIn);
  await page.goto(`${installation.url}/campaigns/new?draft=${id}`);
  await expect(page.getByText("<script>document.title='owned'</script> \u202Eevil\u202C <b onclick=alert(1)>Ana</b>")).toBeVisible();
  await page.goto(`${installation.url}/campaigns`);
  await expect(page.getByText("<img src=x", { exact: false })).toBeVisible();
  expect(await page.title()).not.toBe("owned");
  expect(await page.locator("main img, main script, main b[onclick]").count()).toBe(0);
});

test("a cut in mid-campaign is told, and the numbers agree afterwards", async ({ page, installation, watched }) => {
  void watched;
  await addSender(installation.api, "+491511234567");
  const rows = Array.from({ length: 400 }, (_, place) => `+49151120${String(11000 + place)}`).join("\n");
  const id = await draft(installation.api, "Cut", "Hello", `phone\n${rows}\n`);
  await page.goto(installation.signIn);
  await expect(page.getByText("What needs you")).toBeVisible();
  await page.goto(`${installation.url}/campaigns/${id}`);
  await expect(page.getByRole("button", { name: "Start" })).toBeVisible();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
  await expect(badge(page, "running").or(badge(page, "completed"))).toBeVisible();
  await installation.stop();
  await expect(page.getByText("Connecting to live events", { exact: false })).toBeVisible();
  await installation.start();
  await expect(page.getByText("Connecting to live events", { exact: false })).toHaveCount(0);
  await expect(badge(page, "completed")).toBeVisible({ timeout: 60_000 });
  const { account } = (await (await installation.api.get(`/v1/campaigns/${id}`)).json()) as { account: { planned: number; sent: number; failed: number } };
  expect(account.sent + account.failed).toBe(account.planned);
  await expect(page.getByTestId("bucket-sent")).toHaveText(`${String(account.sent)} sent`);
});
