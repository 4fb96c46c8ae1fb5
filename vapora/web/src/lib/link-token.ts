/** A one-time token that a link carries behind its `#`, which no server is sent. */

/** Taken out of the address bar and its history; kept in this tab, so that the page can be loaded again. */
export function linkToken(what: "setup" | "accept"): string {
  const key = `vapora.${what}_token`;
  const given = decodeURIComponent(location.hash.slice(1));
  if (!given) return sessionStorage.getItem(key) ?? "";
  sessionStorage.setItem(key, given);
  history.replaceState(history.state, "", location.pathname + location.search);
  return given;
}

export const linkUsed = (what: "setup" | "accept"): void => sessionStorage.removeItem(`vapora.${what}_token`);
