// What stands around every page: where one is, where one can go, and the keys that work everywhere.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { followLinks, place } from "../route";
import { openDialog } from "./dialogs";
import { Help } from "./help";
import { Palette } from "./palette";
import { current, PLACES, titleOf } from "./places";
import { Settings } from "./settings";
import { searchKey, useShortcuts } from "./shortcuts";
import "./shell.css";

export function Frame({ children }: { children: ComponentChildren }) {
  useShortcuts();
  const main = useRef<HTMLElement>(null);
  useArrival(main);
  return (
    <div class="sh-frame" onClick={followLinks}>
      <a
        class="sh-skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <Bar />
      <main id="main" class="sh-main" ref={main} tabIndex={-1}>
        {children}
      </main>
      <Palette />
      <Settings />
      <Help />
    </div>
  );
}

/** On another page: its title, its beginning, and the focus in it, unless it has put the focus somewhere itself. */
function useArrival(main: { current: HTMLElement | null }): void {
  const now = place.value;
  const path = now.parts.join("/");
  const known = useRef(path);
  const wentBack = useRef(false);
  useLayoutEffect(() => {
    document.title = titleOf(now);
  }, [now]);
  useEffect(() => {
    const onBack = () => (wentBack.current = true);
    addEventListener("popstate", onBack);
    return () => removeEventListener("popstate", onBack);
  }, []);
  useEffect(() => {
    const isBack = wentBack.current;
    wentBack.current = false;
    if (known.current === path) return;
    known.current = path;
    const isInside = document.activeElement !== main.current && main.current?.contains(document.activeElement);
    if (!isInside) main.current?.focus({ preventScroll: true });
    // Going back, the browser knows how far down one was.
    if (!isBack) scrollTo(0, 0);
  }, [now, path]);
}

function Bar() {
  const [isOpen, setOpen] = useState(false);
  const menu = useRef<HTMLButtonElement>(null);
  const now = place.value;
  useEffect(() => setOpen(false), [now]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen) return;
    event.stopPropagation();
    setOpen(false);
    menu.current?.focus();
  };
  return (
    <header class="sh-bar" onKeyDown={onKeyDown}>
      <a class="sh-brand" href="/">
        Groundcrew
      </a>
      <button ref={menu} type="button" class="sh-menu" aria-expanded={isOpen} aria-controls="sh-nav" onClick={() => setOpen(!isOpen)}>
        Menu
      </button>
      <nav id="sh-nav" class={isOpen ? "open" : ""} aria-label="Places">
        <ul>
          {PLACES.map(({ name, path }) => (
            <li key={path}>
              <a href={path} aria-current={current(now.parts, path)}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="sh-tools">
        <button type="button" class="small" onClick={() => openDialog("palette")}>
          Search <kbd aria-hidden="true">{searchKey()}</kbd>
        </button>
        <button type="button" class="small" onClick={() => openDialog("settings")}>
          Settings
        </button>
      </div>
    </header>
  );
}
