/** Addresses of pages. Pure. */

/** A link within the workspace: it stays in the address, so that a copied link leads to the same place. */
export function within(workspace: string, to: string): string {
  if (workspace === "default") return to;
  const [path = "", query = ""] = to.split("?", 2);
  const all = new URLSearchParams(query);
  all.set("w", workspace);
  return `${path}?${all}`;
}

/** Where to go after signing in: a page of ours, whatever the address says. */
export function wayBack(search: string, origin: string): string {
  const asked = new URLSearchParams(search).get("back") ?? "/";
  try {
    const found = new URL(asked, origin);
    return found.origin === origin && asked.startsWith("/") ? found.pathname + found.search + found.hash : "/";
  } catch {
    return "/";
  }
}
