import type { Problem } from "./types";

/** What the server refused, in its own words. `status` 0: it did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy = "",
    /** What is wrong with each field that it names, by the field's path. */
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** What an answer that is no good says. */
export async function problemOf(response: Response): Promise<ApiError> {
  const said = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const fields = (said.errors ?? []).map((one) => `${one.field}: ${one.message}`).join(" ");
  const text = [said.detail ?? said.title ?? response.statusText, fields].filter(Boolean).join(" ");
  return new ApiError(response.status, said.code ?? "unknown", text, said.remedy ?? "", Object.fromEntries((said.errors ?? []).map((one) => [one.field, one.message])));
}
