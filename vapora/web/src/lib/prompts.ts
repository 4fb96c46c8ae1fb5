/** A server's list of prompts, as the API gives it. Pure. */

export interface Prompt {
  name: string;
  description: string;
  arguments: readonly { name: string; description: string; required: boolean }[];
}

/** Null where the text is no list: the server refused, or the list was cut. It is shown as it is then. */
export function promptsOf(text: string): readonly Prompt[] | null {
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? (found as Prompt[]) : null;
  } catch {
    return null;
  }
}
