// One dialog at a time: the native one, which keeps the focus inside; where the focus was it goes back to.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

type DialogName = "palette" | "settings" | "help";

export const shown = signal<DialogName | undefined>(undefined);

/** Where the focus was before the first of them. */
let home: Element | null = null;

export function openDialog(name: DialogName): void {
  if (shown.value === undefined) home = document.activeElement;
  shown.value = name;
}

export function closeDialog(): void {
  shown.value = undefined;
}

interface Props {
  label: string;
  class?: string;
  children: ComponentChildren;
}

export function Dialog({ label, class: name = "", children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    element.showModal();
    element.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      element.close();
      if (home instanceof HTMLElement && home.isConnected) home.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={`sh-dialog ${name}`}
      aria-label={label}
      // What is pressed in here is meant for here: no letter is a shortcut of the page behind.
      onKeyDown={(event) => event.stopPropagation()}
      onCancel={(event) => {
        event.preventDefault();
        closeDialog();
      }}
      onClick={(event) => event.target === box.current && closeDialog()}
    >
      <div class="sh-dialog-inside">{children}</div>
    </dialog>
  );
}

/** A dialog's name and the way out. */
export function DialogTop({ name }: { name: string }) {
  return (
    <header class="sh-dialog-top">
      <h2>{name}</h2>
      <button type="button" class="small" onClick={closeDialog}>
        Close <kbd aria-hidden="true">Esc</kbd>
      </button>
    </header>
  );
}
