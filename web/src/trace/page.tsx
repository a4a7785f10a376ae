// A trace by its id.
import { useState } from "preact/hooks";
import { useView } from "../api";
import { parameter, set } from "../route";
import { visible } from "../text";
import type { TraceView } from "../wire.gen";
import { Waterfall } from "./waterfall";
import { Shown } from "../shown";
import "./trace.css";

export function TracePage({ id }: { id: string }) {
  // What is shown of one trace must not stand under the id of the next.
  return <Page key={id} id={id} />;
}

function Page({ id }: { id: string }) {
  const [again, setAgain] = useState(0);
  const loaded = useView<TraceView>(`/v1/traces/${encodeURIComponent(id)}`, again);
  const retry = () => setAgain(again + 1);
  if (loaded.at === "failed") return <Missing id={id} why={loaded.why} retry={retry} />;
  return (
    <Shown
      loaded={loaded}
      again={retry}
      show={(view) => <Waterfall view={view} focus={parameter("span")} opened={(span) => span !== parameter("span") && set({ span }, "replace")} />}
    />
  );
}

/** Views say in words alone that there is no such thing. */
function isAbsent(why: string): boolean {
  return why.startsWith("there is no such trace");
}

function Missing({ id, why, retry }: { id: string; why: string; retry: () => void }) {
  return (
    <div class="tr-state" role="alert">
      <h2>{isAbsent(why) ? "No such trace is stored" : "The trace could not be fetched"}</h2>
      <p>
        <code>{short(id)}</code>
        {`: ${visible(why)}`}
      </p>
      {isAbsent(why) && <p>It may be older than what is kept, not have been sampled by its sender, or not be here yet: spans arrive some seconds after they end.</p>}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

function short(id: string): string {
  return visible(id.slice(0, 64));
}
