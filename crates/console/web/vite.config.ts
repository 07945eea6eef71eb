import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `paceline up` beside `npx vite`: pages reload as they are edited, and the API is the real one.
const api = process.env.PACELINE_API ?? "http://127.0.0.1:8480";

export default defineConfig({
  plugins: [react()],
  build: { outDir: "../dist", emptyOutDir: false, assetsInlineLimit: 0, reportCompressedSize: false },
  server: { proxy: { "/v1": api, "/openapi.json": api } },
});
