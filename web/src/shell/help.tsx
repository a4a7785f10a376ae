// The keys there are, and whether the single ones are on.
import { shortcuts } from "../settings";
import { Dialog, DialogTop, shown } from "./dialogs";
import { PLACES } from "./places";
import { searchKey } from "./shortcuts";

/** Keys pressed together or after one another, and what they do. */
type Line = [keys: string[], words: string];

const ANSWER: Line[] = [
  [["/"], "Focus the question"],
  [["j"], "Next sentence with evidence"],
  [["k"], "The one before"],
  [["e"], "Open its evidence"],
  [["y"], "Copy its link"],
];

export function Help() {
  if (shown.value !== "help") return null;
  const everywhere: Line[] = [
    [searchKey() === "⌘K" ? ["⌘", "K"] : ["Ctrl", "K"], "Search, go, ask"],
    [["Esc"], "Close what is open, or stop the answer"],
    [["?"], "This list"],
  ];
  const places = PLACES.flatMap(({ letter, name }): Line[] => (letter ? [[["g", letter], name]] : []));
  return (
    <Dialog label="Shortcuts" class="sh-help">
      <DialogTop name="Shortcuts" />
      {!shortcuts.value && (
        <p class="notice">
          Single keys are off.{" "}
          <button type="button" class="small" onClick={() => (shortcuts.value = true)}>
            Turn them on
          </button>
        </p>
      )}
      <div class="sh-keys">
        <Group name="Everywhere" lines={everywhere} />
        <Group name="In an answer" lines={ANSWER} />
        <Group name="Go to" lines={places} />
      </div>
    </Dialog>
  );
}

function Group({ name, lines }: { name: string; lines: Line[] }) {
  return (
    <section>
      <h3>{name}</h3>
      <dl>
        {lines.map(([keys, words]) => (
          <div key={words}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
