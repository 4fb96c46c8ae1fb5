import preact from "@preact/preset-vite";
import UnoCSS from "unocss/vite";
import { defineConfig } from "vite";

// In development the API of a running `vapora up` answers; in production the API serves what is built here.
declare const process: { env: Record<string, string | undefined> };
const API = process.env.VAPORA_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [UnoCSS(), preact({ devToolsEnabled: false, prefreshEnabled: false })],
  // Data URLs would need an exception in the Content-Security-Policy.
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": { target: API, ws: true }, "/health": API, "/docs": API } },
});
