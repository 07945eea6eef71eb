// Every screen: for people who do not see, who hold a phone, who read from right to left. A picture of each is kept.

import AxeBuilder from "@axe-core/playwright";

import { addSender, draft, expect, test } from "./installation";

const SCREENS = ["/", "/campaigns", "/campaigns/new", "/senders", "/attention", "/suppressions", "/webhooks", "/fleet", "/settings"];

for (const scheme of ["light", "dark"] as const) {
  test(`axe finds nothing serious on any screen, ${scheme}`, async ({ page, installation, watched }) => {
    void watched;
    await page.emulateMedia({ colorScheme: scheme });
    await addSender(installation.api, "+491511234567");
    const campaign = await draft(installation.api, "Spring", "Hello {{ name }}", "phone,name\n+4915112000001,Ana\n");
    await installation.api.post(`/v1/campaigns/${campaign}/start`);
    await page.goto(installation.signIn);
    await expect(page.getByText("What needs you")).toBeVisible();
    for (const screen of [...SCREENS, `/campaigns/${campaign}`]) {
      await page.goto(`${installation.url}${screen}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await page.waitForLoadState("load");
      await page.waitForTimeout(400);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(grave.map(({ id, nodes }) => `${screen} ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
      await page.screenshot({ path: `test-results/screens/${scheme}${screen.replaceAll("/", "-")}.png`, fullPage: true });
    }
  });
}

test("everything fits on a phone of 360 px, in every language", async ({ page, installation, watched }) => {
  void watched;
  await page.setViewportSize({ width: 360, height: 740 });
  await addSender(installation.api, "+491511234567");
  await page.goto(installation.signIn);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  for (const language of ["en", "de", "es", "pt", "ar"]) {
    await page.evaluate((chosen) => localStorage.setItem("paceline-language", JSON.stringify(chosen)), language);
    for (const screen of SCREENS) {
      await page.goto(`${installation.url}${screen}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, `${language} ${screen}`).toBeLessThanOrEqual(0);
    }
    expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual([language, language === "ar" ? "rtl" : "ltr"]);
    await page.screenshot({ path: `test-results/screens/phone-${language}.png` });
  }
});

test("everything can be reached by the keyboard", async ({ page, installation, watched }) => {
  void watched;
  await page.goto(installation.signIn);
  await expect(page.getByText("What needs you")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.getByRole("link", { name: "Senders" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Senders" })).toBeVisible();
  await page.getByRole("button", { name: "Add a sender" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Phone number")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});
