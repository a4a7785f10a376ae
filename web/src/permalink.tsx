// The page behind a permalink: exactly the item that was cited.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { EvidencePane } from "./evidence";
import { authorization, keepToken } from "./token";
import { TokenForm } from "./tokenform";
import type { Evidence } from "./wire.gen";

type Found = { item: Evidence } | { problem: string } | "loading" | "token";

const found = signal<Found>("loading");

async function load(answer: string, id: string): Promise<void> {
  found.value = await fetched(answer, id);
}

async function fetched(answer: string, id: string): Promise<Found> {
  try {
    const response = await fetch(`/v1/evidence/${encodeURIComponent(answer)}/${encodeURIComponent(id)}`, { headers: authorization() });
    if (response.status === 401) return "token";
    if (response.status === 404) return { problem: "There is no such evidence here. Its answer may be older than what this server keeps." };
    return response.ok ? { item: (await response.json()) as Evidence } : { problem: `This evidence cannot be opened (${response.status}).` };
  } catch {
    return { problem: "The server does not answer." };
  }
}

export function Permalink({ answer, id }: { answer: string; id: string }) {
  useEffect(() => void load(answer, id), [answer, id]);
  const now = found.value;
  return (
    <main class="permalink">
      <header class="top">
        <h1>
          <a href="/">Groundcrew</a>
        </h1>
        <p>
          <a href="/">Ask a question</a>
        </p>
      </header>
      {now === "loading" && <p role="status">Loading…</p>}
      {now === "token" && (
        <TokenForm
          use={(token) => {
            keepToken(token);
            void load(answer, id);
          }}
        />
      )}
      {typeof now === "object" && "problem" in now && <p role="alert">{now.problem}</p>}
      {typeof now === "object" && "item" in now && <EvidencePane item={now.item} />}
    </main>
  );
}
