/** A form made from the JSON schema of a package's configuration. Pure. */
import { fieldsOf, jsonOf, type ToolField } from "./tool-form";

type Schema = Record<string, unknown>;
const isObject = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);

/** `lines`: texts, one a line. `pairs`: NAME=TEXT, one a line; of `secrets`, the text is a secret's name. */
export interface ConfigField extends Omit<ToolField, "kind"> {
  kind: ToolField["kind"] | "lines" | "pairs" | "secrets";
  /** Where it stands in the configuration: `server.roles`. */
  path: string;
  /** What holds where nothing is said, as text. */
  otherwise: string;
  least?: number;
  most?: number;
  pattern?: string;
}

export function configFields(schema: unknown, config: unknown, prefix = ""): readonly ConfigField[] {
  const properties = isObject(schema) && isObject(schema.properties) ? schema.properties : {};
  const said = isObject(config) ? config : {};
  return (fieldsOf(schema) ?? []).flatMap((field): readonly ConfigField[] => {
    const one = isObject(properties[field.name]) ? (properties[field.name] as Schema) : {};
    const path = prefix + field.name;
    if (isObject(one.properties)) return configFields(one, said[field.name], `${path}.`);
    const kind = kindOf(one, field.kind);
    const number = (name: string) => (typeof one[name] === "number" ? { [name === "minimum" ? "least" : "most"]: one[name] as number } : {});
    const pattern = typeof one.pattern === "string" ? { pattern: one.pattern } : {};
    return [{ ...field, kind, path, initial: textOf(said[field.name]), otherwise: textOf(one.default), ...number("minimum"), ...number("maximum"), ...pattern }];
  });
}

function kindOf(schema: Schema, kind: ToolField["kind"]): ConfigField["kind"] {
  if (kind !== "json") return kind;
  if (schema.type === "array" && isObject(schema.items) && schema.items.type === "string") return "lines";
  const values = schema.additionalProperties ?? Object.values(isObject(schema.patternProperties) ? schema.patternProperties : {})[0];
  if (schema.type !== "object" || !isObject(values) || values.type !== "string") return "json";
  return values.format === "secret-name" ? "secrets" : "pairs";
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join("\n");
  if (isObject(value) && Object.values(value).every((one) => typeof one === "string")) return Object.entries(value).map(([name, one]) => `${name}=${String(one)}`).join("\n");
  return JSON.stringify(value);
}

/** The configuration; what is empty is left out, so that the package's own holds. What is wrong stands in `wrong`, by the path of its field. */
export function configOf(fields: readonly ConfigField[], filled: (path: string) => string): { config: Schema; wrong: Record<string, string> } {
  const config: Schema = {};
  const wrong: Record<string, string> = {};
  for (const field of fields) {
    const text = filled(field.path).trim();
    if (!text) continue;
    try {
      put(config, field.path.split("."), valueOf(field, text));
    } catch (error) {
      wrong[field.path] = error instanceof Error ? error.message : String(error);
    }
  }
  return { config, wrong };
}

function valueOf({ kind, name, least = -Infinity, most = Infinity }: ConfigField, text: string): unknown {
  const lines = text.split("\n").map((one) => one.trim()).filter(Boolean);
  if (kind === "lines") return lines;
  if (kind === "pairs" || kind === "secrets") {
    const pairs = lines.map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)] as const);
    if (lines.some((one) => one.indexOf("=") < 1)) throw new Error("Write NAME=VALUE, one a line.");
    return Object.fromEntries(pairs);
  }
  if (kind === "boolean") return text === "true";
  if (kind === "json") return jsonOf(text, name);
  if (kind !== "number" && kind !== "integer") return text;
  const number = Number(text);
  if (!Number.isFinite(number) || (kind === "integer" && !Number.isInteger(number))) throw new Error(kind === "integer" ? "It is no whole number." : "It is no number.");
  if (number < least || number > most) throw new Error(`It is ${least} at least and ${most} at most.`);
  return number;
}

function put(into: Schema, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (!rest.length) into[first] = value;
  else put((into[first] ??= {}) as Schema, rest, value);
}
