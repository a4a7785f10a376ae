// The page behind a permalink: exactly the item that was cited.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { EvidencePane } from "./evidence";
import type { Evidence } from "./wire.gen";

const found = signal<Evidence | string | undefined>(undefined);

async function load(answer: string, id: string): Promise<void> {
  const token = sessionStorage.getItem("groundcrew.token");
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  try {
    const response = await fetch(`/v1/evidence/${encodeURIComponent(answer)}/${encodeURIComponent(id)}`, { headers });
    found.value = response.ok ? ((await response.json()) as Evidence) : `This evidence cannot be opened (${response.status}).`;
  } catch {
    found.value = "The server does not answer.";
  }
}

export function Permalink({ answer, id }: { answer: string; id: string }) {
  useEffect(() => void load(answer, id), [answer, id]);
  const item = found.value;
  return (
    <main class="permalink">
      <header class="top">
        <h1>
          <a href="/">Groundcrew</a>
        </h1>
      </header>
      {item === undefined && <p role="status">Loading…</p>}
      {typeof item === "string" && <p role="alert">{item}</p>}
      {typeof item === "object" && <EvidencePane item={item} />}
    </main>
  );
}
