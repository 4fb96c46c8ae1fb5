/** Sending a file. Not by `fetch`, which does not tell how much of it is on its way. */
import { token } from "../state/session";
import { ApiError, requestKey, workspace } from "./client";
import type { components } from "./schema";
import type { Problem } from "./types";

type Made = components["schemas"]["AttachmentMade"];

/** `told`: how much of it has left, from 0 to 1. */
export async function upload(task: string, file: File, name: string, told: (share: number) => void): Promise<Made> {
  const bearer = await token();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/tasks/${encodeURIComponent(task)}/attachments`);
    request.setRequestHeader("Idempotency-Key", requestKey()["Idempotency-Key"]);
    if (workspace !== "default") request.setRequestHeader("Vapora-Workspace", workspace);
    if (bearer) request.setRequestHeader("Authorization", `Bearer ${bearer}`);
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onload = () => {
      const said = parsed(request.responseText);
      if (request.status < 300) return resolve(said as unknown as Made);
      reject(new ApiError(request.status, said.code ?? "unknown", said.detail ?? request.statusText, said.remedy ?? ""));
    };
    // The server may hang up on what is too large before it was told why.
    request.onerror = () => reject(new ApiError(0, "no-answer", "The file did not arrive.", "It may be too large, or the server is away."));
    const form = new FormData();
    form.append("file", file, name);
    request.send(form);
  });
}

function parsed(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>;
  } catch {
    return {};
  }
}
