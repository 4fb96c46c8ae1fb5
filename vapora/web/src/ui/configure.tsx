/** What an installed package is set to: a form made from its schema. What is left empty is as the package says. */
import { useState } from "preact/hooks";
import { data, PUT } from "../api/client";
import { ApiError } from "../api/error";
import type { PackageView } from "../api/types";
import { type ConfigField, configFields, configOf } from "../lib/config-form";
import { useForm } from "../lib/form";
import { title } from "../lib/format";
import { tell } from "../state/toasts";
import { Refused } from "./outside";

const KINDS: Partial<Record<ConfigField["kind"], string>> = { lines: "one a line", pairs: "NAME=VALUE, one a line", secrets: "VARIABLE=NAME OF THE SECRET, one a line", json: "as JSON" };

export function Configure({ of, changed }: { of: PackageView; changed: () => void }) {
  const fields = configFields(of.config_schema, of.config);
  const [raw, setRaw] = useState<Readonly<Record<string, string>>>({});
  const { busy, problem, wrong, submit } = useForm(async (_, form) => {
    const values = new FormData(form);
    const made = configOf(fields, (path) => String(values.get(path) ?? ""));
    setRaw(made.wrong);
    if (Object.keys(made.wrong).length) throw new ApiError(0, "bad-input", "Nothing was changed: look at the fields that are marked.", "", made.wrong);
    await data(PUT("/api/v1/marketplace/{package}/config", { params: { path: { package: of.id } }, body: made.config as never }));
    tell("It is configured: what begins from now on goes by that.");
    changed();
  });
  const errors = { ...raw, ...wrong };
  return (
    <section class="flex flex-col gap-2" aria-label="Configuration">
      <h3>Configuration</h3>
      <p class="muted">What is left empty is as the package says.</p>
      <form class="flex flex-col gap-3" onSubmit={submit} aria-label={`Configure ${of.id}`} noValidate>
        {fields.map((one) => (
          <Setting key={one.path} field={one} error={errorOf(errors, one.path)} />
        ))}
        <Refused text={problem} />
        <button class="btn self-start" disabled={busy}>
          {busy ? "It is saved…" : "Save"}
        </button>
      </form>
    </section>
  );
}

/** Of the field itself, or of one of its items: `task_types.0`. */
function errorOf(errors: Readonly<Record<string, string>>, path: string): string {
  return Object.entries(errors)
    .filter(([name]) => name === path || name.startsWith(`${path}.`) || name.startsWith(`${path}[`))
    .map(([, message]) => message)
    .join(" ");
}

function Setting({ field, error }: { field: ConfigField; error: string }) {
  const how = KINDS[field.kind];
  const name = title((field.path.split(".").at(-1) ?? "").replaceAll("_", "-"));
  const id = `setting-${field.path}`;
  const common = { class: "field !h-auto", id, name: field.path, "aria-invalid": Boolean(error), "aria-describedby": `${id}-said` };
  const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
  const otherwise = field.otherwise ? `The package says: ${field.otherwise.split("\n").join(", ")}` : "";
  const control =
    field.kind === "boolean" || field.kind === "choice" ? (
      <select {...common}>
        <option value="" />
        {choices.map((one) => (
          <option key={one} value={one} selected={one === field.initial}>
            {one}
          </option>
        ))}
      </select>
    ) : how ? (
      <textarea {...common} rows={Math.max(2, field.initial.split("\n").length)} defaultValue={field.initial} spellcheck={false} />
    ) : (
      <input {...common} inputMode={field.kind === "integer" || field.kind === "number" ? "decimal" : "text"} defaultValue={field.initial} />
    );
  return (
    <div>
      <label class="label" for={id}>
        {how ? `${name}, ${how}` : name}
      </label>
      {control}
      <span id={`${id}-said`} class={error ? "text-bad text-sm block break-words" : "muted block break-words"}>
        {error || [field.description, otherwise].filter(Boolean).join(" ")}
      </span>
    </div>
  );
}
