/** What the parts of a card's page about work share: who calls, and what a person has written but not sent. */
import { signal } from "@preact/signals";
import { POST, requestKey } from "../../api/client";
import { refused, tell } from "../../state/toasts";

export interface LineComment {
  path: string;
  line: number;
  side: "old" | "new";
  text: string;
}

/** Comments on lines that go out together with a request for changes; of one card. */
export const drafts = signal<readonly LineComment[]>([]);

/** One decision of a person, said to the server; whether it was taken. */
export async function decide(call: (header: ReturnType<typeof requestKey>) => ReturnType<typeof POST>, done: string, failed: string): Promise<boolean> {
  try {
    await call(requestKey());
    tell(done);
    return true;
  } catch (error) {
    refused(error, failed);
    return false;
  }
}
