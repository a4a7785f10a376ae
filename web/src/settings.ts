// What a person has chosen for this browser.
import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "dark" | "light";
export type Zone = "local" | "utc";

const KEY = "groundcrew.settings";

interface Settings {
  theme: Theme;
  zone: Zone;
  /** Single letters as shortcuts; some people's input sends them by accident. */
  shortcuts: boolean;
  /** Whether sentences of a model are shown before the answer is whole. */
  streaming: boolean;
}

const known = read();
export const theme = signal<Theme>(known.theme);
export const zone = signal<Zone>(known.zone);
export const shortcuts = signal(known.shortcuts);
export const streaming = signal(known.streaming);

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  const settings: Settings = { theme: theme.value, zone: zone.value, shortcuts: shortcuts.value, streaming: streaming.value };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A browser that keeps nothing still shows everything.
  }
});

function read(): Settings {
  const usual: Settings = { theme: "auto", zone: "utc", shortcuts: true, streaming: true };
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
    return {
      theme: found.theme === "dark" || found.theme === "light" ? found.theme : "auto",
      zone: found.zone === "local" ? "local" : "utc",
      shortcuts: found.shortcuts !== false,
      streaming: found.streaming !== false,
    };
  } catch {
    return usual;
  }
}

/** Whether an event comes from where people write: there a letter is a letter. */
export function isTyping(event: Event): boolean {
  const target = event.target;
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLElement && target.isContentEditable);
}

/** Whether a key pressed alone is meant as a shortcut. */
export function isShortcut(event: KeyboardEvent): boolean {
  return shortcuts.value && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event);
}
