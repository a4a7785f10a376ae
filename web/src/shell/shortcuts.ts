// Keys that work everywhere: `g` and a letter go to a place, `?` lists the keys, Ctrl or Cmd with K searches.
import { useEffect } from "preact/hooks";
import { go } from "../route";
import { isShortcut } from "../settings";
import { closeDialog, openDialog, shown } from "./dialogs";
import { PLACES } from "./places";

/** How long after `g` the second key may come. */
export const CHORD_MS = 1200;

const LETTERS = new Map(PLACES.flatMap(({ letter, path }) => (letter ? [[letter, path] as const] : [])));
const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Fn"]);

export type Keys = { waitingSince?: number };
type Meant = { do: "go"; path: string } | { do: "help" } | { do: "wait" } | { do: "nothing" };

/** What a key means after those before it. */
export function press(keys: Keys, key: string, now: number): [Keys, Meant] {
  if (MODIFIERS.has(key)) return [keys, { do: "nothing" }];
  const isWaiting = keys.waitingSince !== undefined && now - keys.waitingSince <= CHORD_MS;
  const path = isWaiting ? LETTERS.get(key) : undefined;
  if (path !== undefined) return [{}, { do: "go", path }];
  if (key === "g") return [{ waitingSince: now }, { do: "wait" }];
  return [{}, key === "?" ? { do: "help" } : { do: "nothing" }];
}

/** Listens for as long as the component is there. */
export function useShortcuts(): void {
  useEffect(() => {
    let keys: Keys = {};
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.repeat) return;
      if (isSearchKey(event)) {
        taken(event);
        openDialog("palette");
        return;
      }
      if (event.key === "Escape" && shown.value) {
        // Wherever the focus is: what is behind the dialog neither stops nor closes.
        taken(event);
        closeDialog();
        return;
      }
      if (!isShortcut(event) || shown.value || document.querySelector("dialog[open]")) {
        keys = {};
        return;
      }
      const [next, meant] = press(keys, event.key, event.timeStamp);
      keys = next;
      if (meant.do === "nothing") return;
      taken(event);
      if (meant.do === "go") go(meant.path);
      if (meant.do === "help") openDialog("help");
    };
    // Before all others, so that the letter of a chord is not a shortcut of the page as well.
    window.addEventListener("keydown", onKey, { capture: true });
    return () => window.removeEventListener("keydown", onKey, { capture: true });
  }, []);
}

function isSearchKey(event: KeyboardEvent): boolean {
  return event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
}

function taken(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** How this machine writes the key that searches. */
export function searchKey(): string {
  return /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘K" : "Ctrl K";
}
