import { expect, test } from "vitest";
import { configFields, configOf } from "./config-form";

const TEXTS = { type: "array", items: { type: "string" } };
const AGENT = {
  type: "object",
  properties: {
    task_types: { ...TEXTS, default: ["code-review"] },
    model: { type: "string", pattern: "^[a-z]+$" },
    temperature: { type: "number", minimum: 0, maximum: 1, default: 0.2 },
    priority: { type: "integer", minimum: 0, maximum: 100 },
    parallelizable: { type: "boolean", default: false },
  },
};
const SERVER = {
  type: "object",
  properties: {
    server: {
      type: "object",
      properties: {
        roles: TEXTS,
        variables: { type: "object", patternProperties: { "^[A-Z]+$": { type: "string" } } },
        secrets: { type: "object", additionalProperties: { type: "string", format: "secret-name" } },
      },
    },
  },
};
const filled = (values: Record<string, string>) => (path: string) => values[path] ?? "";

test("a field is made for each setting, with what is said and what the package says", () => {
  const fields = configFields(AGENT, { temperature: 0.5 });
  expect(fields.map((one) => one.kind)).toEqual(["lines", "string", "number", "integer", "boolean"]);
  expect(fields.map((one) => one.otherwise)).toEqual(["code-review", "", "0.2", "", "false"]);
  expect(fields.map((one) => one.initial)).toEqual(["", "", "0.5", "", ""]);
  const server = configFields(SERVER, { server: { secrets: { TOKEN: "github-token" } } });
  expect(server.map((one) => [one.path, one.kind, one.initial])).toEqual([
    ["server.roles", "lines", ""],
    ["server.variables", "pairs", ""],
    ["server.secrets", "secrets", "TOKEN=github-token"],
  ]);
  expect(configFields({}, {})).toEqual([]);
});

test("what was filled in becomes the configuration, and what is empty is left out", () => {
  const agent = configOf(configFields(AGENT, {}), filled({ task_types: "a\n\n b ", temperature: "1", parallelizable: "true" }));
  expect(agent).toEqual({ config: { task_types: ["a", "b"], temperature: 1, parallelizable: true }, wrong: {} });
  const server = configOf(configFields(SERVER, {}), filled({ "server.roles": "*", "server.variables": "A=b=c\nB=" }));
  expect(server.config).toEqual({ server: { roles: ["*"], variables: { A: "b=c", B: "" } } });
});

test("what is wrong is told at its field", () => {
  const agent = configOf(configFields(AGENT, {}), filled({ temperature: "7", priority: "1.5" }));
  expect(agent.wrong).toEqual({ temperature: "It is 0 at least and 1 at most.", priority: "It is no whole number." });
  const server = configOf(configFields(SERVER, {}), filled({ "server.secrets": "TOKEN" }));
  expect(Object.keys(server.wrong)).toEqual(["server.secrets"]);
});
