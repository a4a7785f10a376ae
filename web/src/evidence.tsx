// One evidence item: what it shows, where it is from, its content, its permalink.
import { useEffect, useRef } from "preact/hooks";
import { Copy } from "./copy";
import { Sparkline } from "./sparkline";
import { ownPath, shortRange, visible } from "./text";
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

export function EvidencePane({ item, close }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [item.permalink]);
  return (
    <aside class="evidence" aria-label={`Evidence ${item.id}`}>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          <span class="id">{visible(item.id)}</span> {visible(item.title)}
        </h2>
        {close && (
          <button type="button" onClick={close}>
            Close <kbd aria-hidden="true">Esc</kbd>
          </button>
        )}
      </header>
      <Facts item={item} />
      {item.series && <Sparkline values={item.series} label={visible(item.title)} />}
      <pre tabIndex={0} role="region" aria-label="Content">
        {visible(item.preview)}
      </pre>
      <p>
        <a href={ownPath(item.permalink)}>Link to this evidence</a> <small title="BLAKE3 of the content">{visible(item.hash.slice(0, 12))}</small>
      </p>
    </aside>
  );
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
          <dd>{shortRange(item.from, item.to)}</dd>
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
