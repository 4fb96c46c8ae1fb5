/** Links in texts that somebody else wrote. Pure. */

/** Where a link may lead: to another page of ours, a place in the text, the web or a mailbox; null: nowhere. */
export function safeLink(url: string): string | null {
  const address = url.trim();
  if (/^[a-z][a-z0-9+.-]*:/i.test(address)) return /^(https?|mailto):/i.test(address) ? address : null;
  // `//host` and `/\host` would leave this server.
  return /^[/\\]{2}/.test(address) || address.includes("\\") ? null : address;
}
