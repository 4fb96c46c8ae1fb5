/** Colours for code, loaded when a patch is first shown. Each line is coloured alone: a patch shows parts of files. */
import type { HLJSApi, LanguageFn } from "highlight.js";

const LANGUAGES: Record<string, () => Promise<{ default: LanguageFn }>> = {
  python: () => import("highlight.js/lib/languages/python"),
  typescript: () => import("highlight.js/lib/languages/typescript"),
  javascript: () => import("highlight.js/lib/languages/javascript"),
  json: () => import("highlight.js/lib/languages/json"),
  yaml: () => import("highlight.js/lib/languages/yaml"),
  ini: () => import("highlight.js/lib/languages/ini"),
  markdown: () => import("highlight.js/lib/languages/markdown"),
  xml: () => import("highlight.js/lib/languages/xml"),
  css: () => import("highlight.js/lib/languages/css"),
  bash: () => import("highlight.js/lib/languages/bash"),
  rust: () => import("highlight.js/lib/languages/rust"),
  go: () => import("highlight.js/lib/languages/go"),
  java: () => import("highlight.js/lib/languages/java"),
  c: () => import("highlight.js/lib/languages/c"),
  sql: () => import("highlight.js/lib/languages/sql"),
};

const OF_EXTENSION: Record<string, string> = {
  py: "python", ts: "typescript", tsx: "typescript", js: "javascript", jsx: "javascript", mjs: "javascript",
  json: "json", yml: "yaml", yaml: "yaml", toml: "ini", ini: "ini", cfg: "ini", md: "markdown", html: "xml", xml: "xml",
  svg: "xml", css: "css", sh: "bash", rs: "rust", go: "go", java: "java", c: "c", h: "c", cpp: "c", sql: "sql",
};

export const languageOf = (path: string): string | null => OF_EXTENSION[path.split(".").at(-1)?.toLowerCase() ?? ""] ?? null;

let core: Promise<HLJSApi> | null = null;

/** HTML of one line, escaped by the library; null where the language is not known. */
export async function colouring(path: string): Promise<((text: string) => string) | null> {
  const name = languageOf(path);
  const load = name === null ? undefined : LANGUAGES[name];
  if (name === null || !load) return null;
  core ??= import("highlight.js/lib/core").then((found) => found.default);
  const [hljs, language] = await Promise.all([core, load()]);
  if (!hljs.getLanguage(name)) hljs.registerLanguage(name, language.default);
  return (text) => hljs.highlight(text, { language: name, ignoreIllegals: true }).value;
}
