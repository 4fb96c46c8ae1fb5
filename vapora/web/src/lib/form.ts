/** Forms: what was filled in, and one press of the button at a time. */
import { useState } from "preact/hooks";
import { ApiError } from "../api/error";

export type Filled = (name: string) => string;

interface Form {
  busy: boolean;
  /** Why it was refused; empty after it went well. */
  problem: string;
  /** What is wrong with each field that the server names. */
  wrong: Readonly<Record<string, string>>;
  submit: (event: Event) => void;
}

/** `send` gets what was filled in (spaces around it taken away, but not of passwords), and the form itself. */
export function useForm(send: (filled: Filled, form: HTMLFormElement) => Promise<unknown>): Form {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [wrong, setWrong] = useState<Readonly<Record<string, string>>>({});
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    // With the button that was pressed, where it has a name.
    const values = new FormData(form, (event as SubmitEvent).submitter);
    setBusy(true);
    setProblem("");
    setWrong({});
    try {
      await send((name) => {
        const value = String(values.get(name) ?? "");
        return name === "password" || name === "current" || name === "value" ? value : value.trim();
      }, form);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setWrong(error.fields);
      setProblem([error.message, error.remedy].filter(Boolean).join(" "));
    } finally {
      setBusy(false);
    }
  }
  return { busy, problem, wrong, submit: (event) => void submit(event) };
}
