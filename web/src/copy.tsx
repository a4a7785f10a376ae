// Copies text as it is shown: characters that hide or reorder text never reach a shell unseen.
import { useState } from "preact/hooks";
import { visible } from "./text";

export function Copy({ text, what }: { text: string; what: string }) {
  const [said, say] = useState("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(visible(text));
      say("Copied");
    } catch {
      // Pages that came without TLS from another machine have no clipboard.
      say("Select and copy by hand");
    }
  };
  return (
    <button type="button" class="small" aria-label={said === "Copy" ? `Copy ${what}` : said} onClick={() => void copy()}>
      {said}
    </button>
  );
}
