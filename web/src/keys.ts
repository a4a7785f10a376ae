// Shortcuts of an answer: from sentence to sentence, to the evidence, and its link.
import { dismiss } from "./preview";
import { closeEvidence, neighbour, opened, openEvidence } from "./opened";
import { isShortcut } from "./settings";

/** The first citation of each sentence, in order. */
function sentences(): HTMLElement[] {
  const lines = document.querySelectorAll(".answer h2, .claims li, .hypotheses li, .answer section li");
  return [...lines].flatMap((line) => line.querySelector<HTMLElement>(".chip:not(:disabled)") ?? []);
}

export function onAnswerKey(event: KeyboardEvent): void {
  if (event.key === "Escape" && dismiss()) {
    event.preventDefault();
    return;
  }
  if (!isShortcut(event)) return;
  const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
  if (step !== 0) move(step);
  else if (event.key === "e") (document.activeElement as HTMLElement | null)?.closest<HTMLElement>(".chip")?.click();
  else if (event.key === "y") document.querySelector<HTMLElement>(".copy-link button")?.click();
  else if (event.key === "n" || event.key === "p") turn(event.key === "n" ? 1 : -1);
}

function move(step: 1 | -1): void {
  const chips = sentences();
  const at = chips.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (step > 0 ? 0 : chips.length - 1) : Math.min(chips.length - 1, Math.max(0, at + step));
  chips[next]?.focus();
}

function turn(by: 1 | -1): void {
  const next = neighbour(by);
  if (next && opened.value) openEvidence(next, opened.value.all);
}

export function onEscape(event: KeyboardEvent, stop: () => void): void {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (opened.value) closeEvidence();
  else stop();
}
