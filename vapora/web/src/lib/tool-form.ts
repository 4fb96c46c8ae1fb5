/** A form made from the JSON schema of a tool's arguments. Pure. */

export interface ToolField {
  name: string;
  kind: "string" | "number" | "integer" | "boolean" | "choice" | "json";
  required: boolean;
  description: string;
  /** What may be chosen, as text. */
  choices: readonly string[];
  /** What it starts with, as text. */
  initial: string;
}

type Schema = Record<string, unknown>;
const isObject = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const KINDS = ["string", "number", "integer", "boolean"] as const;

/** What is asked for; null where the schema is not one of plain properties, and all of it is written as JSON. */
export function fieldsOf(schema: unknown): readonly ToolField[] | null {
  if (!isObject(schema) || ["anyOf", "oneOf", "allOf", "$ref"].some((one) => one in schema)) return null;
  const properties = schema.properties ?? {};
  if (!isObject(properties)) return null;
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(properties).map(([name, given]) => {
    const one = isObject(given) ? given : {};
    const choices = Array.isArray(one.enum) && one.enum.every((value) => typeof value === "string") ? (one.enum as string[]) : [];
    const kind = choices.length ? "choice" : (KINDS.find((known) => known === one.type && !("enum" in one)) ?? "json");
    const initial = one.default === undefined ? "" : typeof one.default === "string" && kind !== "json" ? one.default : JSON.stringify(one.default);
    return { name, kind, required: required.includes(name), description: typeof one.description === "string" ? one.description : "", choices, initial };
  });
}

/** What was filled in, as a call takes it. What is empty and need not be there is left out. Throws with a sentence. */
export function argumentsOf(fields: readonly ToolField[], filled: (name: string) => string): Record<string, unknown> {
  const found: [string, unknown][] = [];
  for (const field of fields) {
    const text = filled(field.name);
    if (field.kind === "boolean") {
      if (text || field.required) found.push([field.name, text === "true"]);
    } else if (text !== "" || (field.required && field.kind === "string")) found.push([field.name, valueOf(field, text)]);
    else if (field.required) throw new Error(`${field.name} is missing.`);
  }
  // Not by assignment: a name such as __proto__ is a name like any other.
  return Object.fromEntries(found);
}

function valueOf({ name, kind }: ToolField, text: string): unknown {
  if (kind === "string" || kind === "choice") return text;
  if (kind === "json") return jsonOf(text, name);
  const number = Number(text);
  if (!text.trim() || !Number.isFinite(number)) throw new Error(`${name} is no number.`);
  if (kind === "integer" && !Number.isInteger(number)) throw new Error(`${name} is no whole number.`);
  return number;
}

export function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`${name} is no JSON.`);
  }
}

export function objectOf(text: string, name: string): Record<string, unknown> {
  const found = jsonOf(text, name);
  if (!isObject(found)) throw new Error(`${name} is no JSON object.`);
  return found;
}
