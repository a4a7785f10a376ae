// Custom properties as colours that a canvas understands.
import { useEffect, useState } from "preact/hooks";
import { theme } from "../settings";

const NAMES = ["ink", "quiet", "line", "edge", "accent", "unsure", "sunken", "raised"] as const;
const GROUNDS = new Set<string>(["sunken", "raised"]);
export type Colours = Record<(typeof NAMES)[number], string>;

/** What the properties are on an element now. They are pairs for light and dark, which only an element resolves, so one is asked. */
export function coloursOf(element: HTMLElement): Colours {
  const probe = document.createElement("span");
  element.append(probe);
  const found = NAMES.map((name) => {
    // Grounds are asked for as grounds: where a person forces colours, ink and ground get different ones.
    const property = GROUNDS.has(name) ? "backgroundColor" : "color";
    probe.style[property] = `var(--${name})`;
    return [name, getComputedStyle(probe)[property]] as const;
  });
  probe.remove();
  return Object.fromEntries(found) as Colours;
}

const QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

/** Another number whenever colours may have become others. */
export function useThemeChange(): string {
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const changed = () => setTimes((before) => before + 1);
    const queries = QUERIES.map((query) => matchMedia(query));
    for (const query of queries) query.addEventListener("change", changed);
    return () => {
      for (const query of queries) query.removeEventListener("change", changed);
    };
  }, []);
  return `${theme.value} ${times}`;
}
