// Compresses what Vite has built and lists it for the Rust build: path, content type, hash. Takes away what an earlier build left.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const dist = process.argv[2];
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)).split(sep).join("/"));
const named = new Set([...readFileSync(join(dist, "index.html"), "utf8").matchAll(/\/(assets\/[^"]+)/g)].map((match) => match[1]));
// Parts are named by the document or by another part.
for (let before = 0; before < named.size; ) {
  before = named.size;
  for (const part of [...named]) {
    const text = readFileSync(join(dist, part), "utf8");
    for (const file of files) if (file.startsWith("assets/") && extname(file) in TYPES && text.includes(file.slice("assets/".length))) named.add(file);
  }
}

const isKept = (file) => file === "index.html" || named.has(file);
for (const file of files) if (file !== ".gitignore" && !isKept(file)) rmSync(join(dist, file));

const lines = files.filter(isKept).map((file) => {
  const type = TYPES[extname(file)];
  if (type === undefined) throw new Error(`${file}: what is its content type?`);
  const bytes = readFileSync(join(dist, file));
  writeFileSync(join(dist, `${file}.gz`), gzipSync(bytes, { level: 9 }));
  writeFileSync(join(dist, `${file}.br`), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  return `${file}\t${type}\t${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}\n`;
});
writeFileSync(join(dist, "manifest.txt"), lines.sort().join(""));
