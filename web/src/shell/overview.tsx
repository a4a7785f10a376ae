// The first page: whether all is quiet, and where it is not, what is wrong first.
import type { ComponentChildren } from "preact";
import { ago, counted, millis, moment, span } from "../time";
import type { AlertRow, Marker, OverviewView, ServiceRow } from "../wire.gen";
import { useFresh } from "./fresh";
import { IncidentLine } from "./incidentline";
import { OpenedLine } from "./openedline";
import { AskBox, Clipped, Mark, Refresh, Service, severityOf } from "./marks";
import { links } from "./places";
import { Shown } from "../shown";
import { firing, headline, OLD_MS, quietLine, served, standing, unseen, when } from "./words";
import { clipped } from "../text";
import "./shell.css";

const RENEW_MS = 15_000;
const ROWS = 12;

export function OverviewPage() {
  const { loaded, busy, stale, refresh } = useFresh<OverviewView>("/v1/overview", RENEW_MS);
  return (
    <div class="sh-page">
      {loaded.at !== "here" && <h1 class="visually-hidden">Overview</h1>}
      <Shown
        loaded={loaded}
        again={refresh}
        show={(view) => (
          <>
            <Top view={view}>
              <Refresh busy={busy} stale={stale} refresh={refresh}>
                <small>as of {moment(view.now)}</small>
              </Refresh>
            </Top>
            <Overview view={view} />
          </>
        )}
      />
    </div>
  );
}

function Top({ view, children }: { view: OverviewView; children: ComponentChildren }) {
  const how = standing(view);
  return (
    <header class="sh-top">
      <h1 class={`sh-title ${how}`}>
        <span aria-hidden="true">{{ quiet: "✓", trouble: "■", blind: "▲", unwatched: "○" }[how]}</span> {headline(view)}
      </h1>
      {children}
    </header>
  );
}

export function Overview({ view }: { view: OverviewView }) {
  const now = millis(view.now);
  const how = standing(view);
  const alerts = firing(view);
  const ended = view.alerts.filter((alert) => !alert.firing);
  return (
    <>
      {(how === "quiet" || how === "blind") && <p class="sh-calm">{quietLine(view)}</p>}
      {how === "unwatched" && <p class="sh-calm">No logs, spans or metric points have come in. Send OTLP to this server, or look at the demo: <code>groundcrew demo</code></p>}
      <Unseen view={view} />
      {view.opened.length > 0 && (
        <Section name="Incidents that alerts opened">
          <Rows rows={view.opened} row={(row) => <OpenedLine key={row.code} row={row} now={now} />} />
        </Section>
      )}
      {alerts.length > 0 && (
        <Section name="Firing">
          <Rows rows={alerts} row={(alert) => <Alert key={keyOf(alert)} alert={alert} now={now} />} />
        </Section>
      )}
      {view.unwell.length > 0 && (
        <Section name="Services that are not as before" note={windowOf(view, now)}>
          <Rows rows={view.unwell} row={(row) => <Unwell key={row.name} row={row} />} />
        </Section>
      )}
      <AskBox label={how === "trouble" ? "Ask what is wrong" : "Ask about any service or time"} placeholder={questionFor(alerts, view.unwell)} />
      <div class="sh-columns">
        <Section name="Recent incidents" more={["/incidents", "All incidents"]}>
          {view.incidents.length === 0 ? <p class="sh-none">No question has been answered yet.</p> : <Rows rows={view.incidents} row={(row) => <IncidentLine key={row.code} row={row} now={now} />} />}
        </Section>
        <Section name="Recent changes" note={windowOf(view, now)}>
          {view.changes.length === 0 ? <p class="sh-none">No deploy, flag or configuration change in this time.</p> : <Rows rows={view.changes} row={(change, index) => <Change key={`${change.at} ${index}`} change={change} now={now} />} />}
        </Section>
      </div>
      {ended.length > 0 && (
        <details class="sh-ended">
          <summary>{counted(ended.length, "alert")} ended in the last day</summary>
          <Rows rows={ended} row={(alert) => <Alert key={keyOf(alert)} alert={alert} now={now} />} />
        </details>
      )}
    </>
  );
}

/** What cannot be seen, and the command that says why. */
function Unseen({ view }: { view: OverviewView }) {
  const words = unseen(view);
  if (words.length === 0) return null;
  return (
    <p class="notice sh-unseen">
      <Mark mark="▲" word="Not seen" tone="unsure" /> {words.map((word) => clipped(word, 120)).join(" · ")}
      <span class="sh-fix">
        <code>groundcrew doctor</code> says what is missing and how to send it.
      </span>
    </p>
  );
}

function Section({ name, note, more, children }: { name: string; note?: string; more?: [path: string, words: string]; children: ComponentChildren }) {
  return (
    <section class="sh-section" aria-label={name}>
      <header>
        <h2>{name}</h2>
        {note && <small>{note}</small>}
        {more && <a href={more[0]}>{more[1]}</a>}
      </header>
      {children}
    </section>
  );
}

/** The first rows; the others only for who wants them. */
function Rows<T>({ rows, row }: { rows: T[]; row: (row: T, index: number) => ComponentChildren }) {
  const rest = rows.slice(ROWS, ROWS * 20);
  return (
    <>
      <ul class="sh-rows">{rows.slice(0, ROWS).map(row)}</ul>
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more</summary>
          <ul class="sh-rows">{rest.map(row)}</ul>
        </details>
      )}
    </>
  );
}

function keyOf({ name, service, severity, since }: AlertRow): string {
  return [name, service, severity, since].join("\n");
}

function Alert({ alert, now }: { alert: AlertRow; now: number }) {
  const { mark, tone, word } = severityOf(alert.severity);
  return (
    <li class="sh-alert">
      <Mark mark={alert.firing ? mark : "✓"} word={alert.firing ? word : "ended"} tone={alert.firing ? tone : "good"} />
      <div>
        <p class="sh-line">
          <strong>{clipped(alert.name, 200)}</strong>
          {alert.count > 1 && (
            <span class="sh-count" title={`${alert.count} alerts folded into one`}>
              ×{alert.count}
            </span>
          )}
          {alert.service && <Service name={alert.service} />}
          <small title={alert.until && !alert.firing ? span(alert.since, alert.until) : moment(alert.since)}>{alert.until && !alert.firing ? `ended ${ago(alert.until, now)}` : `since ${when(alert.since, now)}`}</small>
          {alert.firing && <a href={links.ask(whyOf(alert))}>Why?</a>}
        </p>
        {alert.text && (
          <p class="sh-text">
            <Clipped text={alert.text} max={400} />
          </p>
        )}
      </div>
    </li>
  );
}

const STATES = {
  failing: { mark: "✖", tone: "bad" },
  slower: { mark: "▲", tone: "unsure" },
  silent: { mark: "○", tone: "unsure" },
  fine: { mark: "·", tone: "quiet" },
} as const;

function Unwell({ row }: { row: ServiceRow }) {
  const figures = served(row);
  return (
    <li class="sh-alert">
      <Mark {...STATES[row.state]} word={row.state} />
      <div>
        <p class="sh-line">
          <strong>
            <Service name={row.name} />
          </strong>
          {row.owner && <small>owned by {clipped(row.owner, 80)}</small>}
          <span class="sh-links">
            <a href={links.logs(row.name)}>Logs</a> <a href={links.traces(row.name)}>Traces</a> <a href={links.metrics(row.name)}>Metrics</a>
          </span>
        </p>
        <p class="sh-text">{[row.why && clipped(row.why, 400), figures].filter(Boolean).join(" · ")}</p>
      </div>
    </li>
  );
}

function Change({ change, now }: { change: Marker; now: number }) {
  return (
    <li class="sh-change">
      <span class="sh-kind">{clipped(change.kind, 20)}</span>
      <div>
        <p class="sh-line">
          {change.service && <Service name={change.service} />}
          <span>{clipped(change.title, 200)}</span>
          {change.before && change.after && (
            <code>
              {clipped(change.before, 60)} → {clipped(change.after, 60)}
            </code>
          )}
        </p>
        <small title={moment(change.at)}>
          {when(change.at, now)}
          {change.actor && ` · ${clipped(change.actor, 60)}`}
        </small>
      </div>
    </li>
  );
}

/** The time that is looked at; said where it is not the last minutes until now. */
function windowOf(view: OverviewView, now: number): string {
  const isOld = now - millis(view.to) > OLD_MS;
  return isOld ? `in the last telemetry there is: ${span(view.from, view.to)}` : `in the last ${Math.max(1, Math.round((millis(view.to) - millis(view.from)) / 60_000))} min`;
}

function whyOf({ name, service }: AlertRow): string {
  return service ? `why does ${clipped(name, 60)} fire on ${clipped(service, 40)}?` : `why does ${clipped(name, 60)} fire?`;
}

function questionFor(alerts: AlertRow[], unwell: ServiceRow[]): string {
  const [alert] = alerts;
  const [row] = unwell;
  if (alert) return whyOf(alert);
  if (row) return `why is ${clipped(row.name, 40)} ${row.state}?`;
  return "what changed in the last 20 minutes?";
}
