// The types are those of the API's own document.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "./installation";

test("the generated types are not stale", async ({ installation }) => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-types-"));
  const document = join(folder, "openapi.json");
  writeFileSync(document, await (await installation.api.get("/openapi.json")).text());
  execFileSync("npx", ["openapi-typescript", document, "-o", join(folder, "schema.d.ts")]);
  // `scripts/console --types` writes them anew.
  expect(readFileSync(join(folder, "schema.d.ts"), "utf8")).toBe(readFileSync("src/api/schema.d.ts", "utf8"));
});
