/** The call of a tool that a card waits for, as the card says it. Pure. */

export interface AskedCall {
  tool: string;
  /** Of exactly what is asked about. */
  digest: string;
}

/** Null where it waits for something else. Only the ends of the text are ours: what stands between, a model wrote. */
export function askedCall(waiting: { reason: string; remedy: string } | null | undefined): AskedCall | null {
  if (waiting?.reason !== "approval") return null;
  const found = /^It wants to use (\S+), which [^]*\[call ([0-9a-f]{12})\]\s*$/.exec(waiting.remedy);
  return found ? { tool: found[1] ?? "", digest: found[2] ?? "" } : null;
}

/** Whether a step that is under way is a call of that tool: it bears the name that the model was shown, without a dot. */
export function isCallOf(step: string, tool: string): boolean {
  const [server = ""] = tool.split(".", 1);
  return step === tool || (tool.includes(".") && step.startsWith(`${server}__`));
}
