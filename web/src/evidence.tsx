// One evidence item: what it shows, where it is from, its content, its permalink.
import { useEffect, useRef } from "preact/hooks";
import { Copy } from "./copy";
import { Elsewhere } from "./elsewhere";
import { lazy } from "./lazy";
import { neighbour, openEvidence, opened } from "./opened";
import { exampleTrace, placeOf } from "./place";
import { Sparkline } from "./sparkline";
import { ownPath, visible } from "./text";
import { span } from "./time";
import type { Evidence, EvidenceKind } from "./wire.gen";

interface Props {
  item: Evidence;
  close?: () => void;
}

const KINDS: Partial<Record<EvidenceKind, string>> = {
  log_template: "log pattern",
  span: "spans",
  k8s_event: "cluster event",
  cluster_state: "cluster state",
  incident: "past incident",
  doc: "document",
};

const Proof = lazy(() => import("./proof").then((part) => part.Proof));

export function EvidencePane({ item, close }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [item.permalink]);
  const there = placeOf(item);
  const example = exampleTrace(item);
  return (
    <aside class="evidence" aria-label={`Evidence ${item.id}`}>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          <span class="id">{visible(item.id)}</span> {visible(item.title)}
        </h2>
        {close && (
          <div class="pane-buttons">
            <Turn by={-1} />
            <Turn by={1} />
            <button type="button" onClick={close}>
              Close <kbd aria-hidden="true">Esc</kbd>
            </button>
          </div>
        )}
      </header>
      <Facts item={item} />
      <Cited item={item} />
      <Proof item={item} />
      <p class="links">
        {there && <a href={there.path}>{there.words}</a>}
        {example && <a href={`/trace/${example}`}>The example trace</a>}
        <Elsewhere item={item} />
        <a href={ownPath(item.permalink)}>Link to this evidence</a> <small title="BLAKE3 of the content">{visible(item.hash.slice(0, 12))}</small>
      </p>
    </aside>
  );
}

function Turn({ by }: { by: 1 | -1 }) {
  const next = neighbour(by);
  if (!opened.value || opened.value.all.length < 2) return null;
  return (
    <button type="button" disabled={!next} aria-label={by > 0 ? "Next evidence" : "Evidence before"} onClick={() => next && opened.value && openEvidence(next, opened.value.all)}>
      <span aria-hidden="true">{by > 0 ? "▶" : "◀"}</span>
    </button>
  );
}

/** What the answer stands on, word for word; a change with its lines told apart. */
function Cited({ item }: { item: Evidence }) {
  return (
    <>
      {item.series && item.kind !== "metric" && <Sparkline values={item.series} label={visible(item.title)} />}
      <pre tabIndex={0} role="region" aria-label="Content">
        {item.kind === "change" ? item.preview.split("\n").map((line, index) => <DiffLine key={index} line={line} isFirst={index === 0} />) : visible(item.preview)}
      </pre>
    </>
  );
}

function DiffLine({ line, isFirst }: { line: string; isFirst: boolean }) {
  const text = (isFirst ? "" : "\n") + visible(line);
  if (/^\+(?!\+\+)/.test(line)) return <ins>{text}</ins>;
  return /^-(?!--)/.test(line) ? <del>{text}</del> : <>{text}</>;
}

function Facts({ item }: { item: Evidence }) {
  return (
    <dl>
      <dt>Kind</dt>
      <dd>{KINDS[item.kind] ?? visible(item.kind)}</dd>
      {item.service && (
        <>
          <dt>Service</dt>
          <dd>{visible(item.service)}</dd>
        </>
      )}
      {item.from && (
        <>
          <dt>Time</dt>
          <dd>{span(item.from, item.to)}</dd>
        </>
      )}
      {item.query && (
        <>
          <dt>Query</dt>
          <dd>
            <code>{visible(item.query)}</code> <Copy text={item.query} what="query" />
          </dd>
        </>
      )}
    </dl>
  );
}
