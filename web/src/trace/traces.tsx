// Traces of a time: which service, only failed ones, and when, all of it in the address.
import { useState } from "preact/hooks";
import { Copy } from "../copy";
import { parameter, set } from "../route";
import { Shown } from "../shown";
import { visible } from "../text";
import type { TracesView } from "../wire.gen";
import { useTimed } from "../timed";
import { TraceList } from "./list";

export function TracesPage() {
  const [again, setAgain] = useState(0);
  const [from, to, service, only, q] = ["from", "to", "service", "only", "q"].map(parameter);
  const loaded = useTimed<TracesView>("/v1/traces", { service, only, q }, again);
  return (
    <section class="tr-page">
      <h1>Traces</h1>
      <form
        class="tr-filters"
        key={[from, to, service, only, q].join()}
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const given = (name: string) => String(form.get(name) ?? "").trim() || undefined;
          set({ from: given("from"), to: given("to"), service: given("service"), q: given("q"), only: form.has("only") ? "failed" : undefined });
        }}
      >
        <label>
          Service <input name="service" autocomplete="off" value={service ?? ""} />
        </label>
        <label>
          Operation contains <input name="q" autocomplete="off" value={q ?? ""} />
        </label>
        <label>
          From <input name="from" autocomplete="off" value={from ?? ""} />
        </label>
        <label>
          To <input name="to" autocomplete="off" value={to ?? ""} />
        </label>
        <label class="tr-only">
          <input name="only" type="checkbox" checked={only === "failed"} /> failed only
        </label>
        <button type="submit" class="primary">
          Show
        </button>
      </form>
      <Shown
        loaded={loaded}
        again={() => setAgain(again + 1)}
        show={(shown) => (
          <>
            <p class="quiet">
              <code>{visible(shown.query)}</code> <Copy text={shown.query} what="query" />
            </p>
            <TraceList view={shown} />
          </>
        )}
      />
    </section>
  );
}
