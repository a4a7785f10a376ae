// An incident that alerts opened: whether it goes on, what was found, how many alerts belong to it.
import { ago, counted, moment, span } from "../time";
import type { OpenedRow } from "../wire.gen";
import { Confidence, Mark, Service } from "./marks";
import { clipped } from "../text";
import { links } from "./places";
import { when } from "./words";

export function OpenedLine({ row, now }: { row: OpenedRow; now: number }) {
  const over = row.until !== null;
  return (
    <li class="sh-incident">
      <code class="sh-code">{clipped(row.code, 12)}</code>
      <div>
        {row.headline === null ? <strong>{clipped(row.title)}</strong> : <a href={links.incident(row.code)}>{clipped(row.headline || row.title)}</a>}
        <p class="sh-line">
          <Mark mark={over ? "✓" : "■"} word={over ? "over" : "goes on"} tone={over ? "good" : "bad"} />
          {row.confidence && <Confidence level={row.confidence} />}
          <small>{alertWords(row)}</small>
          {row.services.slice(0, 4).map((name) => (
            <Service key={name} name={name} link={false} />
          ))}
          {row.services.length > 4 && <small>+{row.services.length - 4}</small>}
        </p>
        {row.headline === null ? <p class="sh-text">It is looked into.</p> : <p class="sh-text">{clipped(row.title)}</p>}
      </div>
      <small class="sh-age" title={row.until ? span(row.since, row.until) : moment(row.since)}>
        {row.until ? `ended ${ago(row.until, now)}` : `since ${when(row.since, now)}`}
      </small>
    </li>
  );
}

/** `3 of 4 alerts fire`. */
function alertWords({ firing, alerts }: OpenedRow): string {
  if (firing === 0) return counted(alerts, "alert");
  return firing === alerts ? `${counted(alerts, "alert")} ${alerts === 1 ? "fires" : "fire"}` : `${firing} of ${counted(alerts, "alert")} fire`;
}
