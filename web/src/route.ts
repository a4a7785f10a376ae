// Where the panel is: every view has an address of its own, with absolute times.
import { signal } from "@preact/signals";

export interface Place {
  /** Parts of the path: `["trace", "4bf9..."]`; none for the first page. */
  parts: string[];
  parameters: URLSearchParams;
}

export const place = signal<Place>(read());

function read(): Place {
  const parts = location.pathname.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { parts, parameters: new URLSearchParams(location.search) };
}

/** Goes to a path of the panel; `replace` where going back should not lead here. */
export function go(path: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  place.value = read();
}

/** Changes parameters of the present place; `undefined` takes one away. */
export function set(parameters: Record<string, string | undefined>, how: "push" | "replace" = "push"): void {
  const next = new URLSearchParams(place.value.parameters);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  go(text ? `${location.pathname}?${text}` : location.pathname, how);
}

export function parameter(name: string): string | undefined {
  return place.value.parameters.get(name) ?? undefined;
}

addEventListener("popstate", () => (place.value = read()));

/** Plain clicks on links to the panel stay in the page; all others are the browser's. */
export function followLinks(event: MouseEvent): void {
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!isPlain || event.defaultPrevented || !link || link.target || link.hasAttribute("download")) return;
  const address = new URL(link.href, location.href);
  if (address.origin !== location.origin || address.pathname.startsWith("/v1/")) return;
  if (address.pathname === location.pathname && address.search === location.search && address.hash) return;
  event.preventDefault();
  go(address.pathname + address.search);
}
