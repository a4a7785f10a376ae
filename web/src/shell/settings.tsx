// What a person chooses for this browser; it takes effect at once.
import type { Signal } from "@preact/signals";
import { shortcuts, streaming, theme, zone } from "../settings";
import { Dialog, DialogTop, openDialog, shown } from "./dialogs";

export function Settings() {
  if (shown.value !== "settings") return null;
  return (
    <Dialog label="Settings" class="sh-settings">
      <DialogTop name="Settings" />
      <Choice name="Theme" of={theme} options={[["auto", "As the system"], ["dark", "Dark"], ["light", "Light"]]} />
      <Choice name="Times" of={zone} options={[["utc", "UTC"], ["local", `Local (${localZone()})`]]} />
      <Switch of={shortcuts} label="Single-key shortcuts">
        Letters such as <kbd>j</kbd> and <kbd>g</kbd> <kbd>i</kbd> do something when nothing is being written.
      </Switch>
      <Switch of={streaming} label="Show sentences as they come">
        Off: an answer is shown when it is whole.
      </Switch>
      <footer>
        <button type="button" onClick={() => openDialog("help")}>
          All shortcuts
        </button>
        <small>Kept in this browser only.</small>
      </footer>
    </Dialog>
  );
}

function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "this browser";
}

function Choice<T extends string>({ name, of, options }: { name: string; of: Signal<T>; options: [T, string][] }) {
  return (
    <fieldset>
      <legend>{name}</legend>
      {options.map(([value, label]) => (
        <label key={value}>
          <input type="radio" name={`sh-${name}`} value={value} checked={of.value === value} onChange={() => (of.value = value)} /> {label}
        </label>
      ))}
    </fieldset>
  );
}

function Switch({ of, label, children }: { of: Signal<boolean>; label: string; children: preact.ComponentChildren }) {
  return (
    <div class="sh-switch">
      <label>
        <input type="checkbox" checked={of.value} onChange={(event) => (of.value = event.currentTarget.checked)} /> {label}
      </label>
      <small>{children}</small>
    </div>
  );
}
