// One evidence item: what it shows, where it is from, its content, its permalink.
import { useEffect, useRef } from "preact/hooks";
import { Sparkline } from "./sparkline";
import { visible } from "./text";
import type { Evidence } from "./wire.gen";

interface Props {
  item: Evidence;
  close?: () => void;
}

export function EvidencePane({ item, close }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [item.permalink]);
  return (
    <aside class="evidence" aria-label={`Evidence ${item.id}`}>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          <span class="id">{item.id}</span> {visible(item.title)}
        </h2>
        {close && (
          <button type="button" onClick={close}>
            Close <kbd>Esc</kbd>
          </button>
        )}
      </header>
      <dl>
        <dt>Kind</dt>
        <dd>{item.kind.replaceAll("_", " ")}</dd>
        {item.service && [<dt key="s">Service</dt>, <dd key="sv">{visible(item.service)}</dd>]}
        {item.from && [<dt key="t">Time</dt>, <dd key="tv">{item.to && item.to !== item.from ? `${shortTime(item.from)} – ${shortTime(item.to)}` : shortTime(item.from)}</dd>]}
        {item.query && [
          <dt key="q">Query</dt>,
          <dd key="qv">
            <code>{visible(item.query)}</code>{" "}
            <button type="button" onClick={() => void navigator.clipboard?.writeText(item.query ?? "")}>
              Copy
            </button>
          </dd>,
        ]}
      </dl>
      {item.series && <Sparkline values={item.series} label={visible(item.title)} />}
      <pre tabIndex={0} aria-label="Content">
        {visible(item.preview)}
      </pre>
      <p>
        <a href={item.permalink}>Link to this evidence</a> <small title="BLAKE3 of the content">{item.hash.slice(0, 12)}</small>
      </p>
    </aside>
  );
}

/** Seconds are enough to read; the exact time stands in the content. */
function shortTime(time: string): string {
  return time.replace(/\.\d+Z$/, "Z").replace("T", " ");
}
