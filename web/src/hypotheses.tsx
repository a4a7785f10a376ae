// What was suspected and how each suspicion stands; the refuted ones stay in sight.
import type { Cite } from "./chips";
import { visible } from "./text";
import type { Hypothesis } from "./wire.gen";

const MARKS = { supported: "✓", possible: "?", refuted: "✗" } as const;

export function Hypotheses({ list, cite }: { list: Hypothesis[]; cite: Cite }) {
  if (list.length === 0) return null;
  return (
    <section>
      <h3>Suspects</h3>
      <ul class="hypotheses">
        {list.map((item) => (
          <li key={item.id} class={item.status}>
            <p>
              <span class="standing">
                <span aria-hidden="true">{MARKS[item.status]}</span> {item.status}
              </span>{" "}
              <strong>{visible(item.title)}</strong>{" "}
              <meter min={0} max={1} value={item.score} aria-label={`how convincing: ${item.score.toFixed(2)} of 1`} />
            </p>
            <p class="why">
              {visible(item.why)} {cite(item.for)}
              {item.against.length > 0 && <span class="against"> against: {cite(item.against)}</span>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
