// One incident in a list: its code, what it was, how sure that is, and what people said of it.
import { ago, moment } from "../time";
import type { IncidentRow } from "../wire.gen";
import { Confidence, Mark, saidOf, Service, verdictOf } from "./marks";
import { clipped } from "../text";
import { links } from "./places";

export function IncidentLine({ row, now }: { row: IncidentRow; now: number }) {
  return (
    <li class="sh-incident">
      <code class="sh-code">{clipped(row.code, 12)}</code>
      <div>
        <a href={links.incident(row.code)}>{clipped(row.title || row.question || row.code)}</a>
        <p class="sh-line">
          <Mark {...verdictOf(row.verdict)} {...(row.said === "struck" ? { tone: "quiet" } : {})} />
          {row.confidence && <Confidence level={row.confidence} />}
          {row.said && <Mark {...saidOf(row.said)} />}
          {row.services.slice(0, 4).map((name) => (
            <Service key={name} name={name} link={false} />
          ))}
          {row.services.length > 4 && <small>+{row.services.length - 4}</small>}
        </p>
      </div>
      <small class="sh-age" title={moment(row.at)}>
        {ago(row.at, now)}
      </small>
    </li>
  );
}
