// One line in full: its body, its attributes, and the ways on from it.
import { useState } from "preact/hooks";
import { Copy } from "../copy";
import { clip, visible } from "../text";
import { day, exactClock, zoneName } from "../time";
import type { LogLine } from "../wire.gen";
import { around, logsPage } from "./filters";
import { prettyJson } from "./json";
import { cutAt } from "../marked";
import { exact, Level, Service } from "./marks";

const SHOWN_FIRST = 2000;
/** A page that lays out more than this in one block stops answering. */
const SHOWN_MAX = 200_000;
const ATTRIBUTES_MAX = 200;

interface Props {
  line: LogLine;
  words?: RegExp;
  close: () => void;
}

export function LineInFull({ line, words, close }: Props) {
  const pretty = prettyJson(line.body);
  const [asSent, showAsSent] = useState(false);
  const body = pretty !== undefined && !asSent ? pretty : line.body;
  return (
    <aside class="lg-full" aria-label="The line in full">
      <header>
        <h2>
          <Level level={line.level} /> <time dateTime={line.time}>{`${day(line.time)} ${exactClock(line.time)} ${zoneName()}`}</time>
        </h2>
        <button type="button" onClick={close}>
          Close <kbd aria-hidden="true">Esc</kbd>
        </button>
      </header>
      <p class="lg-from">
        <Service name={line.service} />
        {line.pod && <span class="lg-pod">{visible(clip(line.pod, 200))}</span>}
      </p>
      <Ways line={line} />
      <pre class="lg-body" tabIndex={0} role="region" aria-label="Body">
        <Bounded key={body} text={body} words={words} />
      </pre>
      <p class="lg-actions">
        <Copy text={whole(line)} what="line" />
        {pretty !== undefined && (
          <button type="button" class="small" onClick={() => showAsSent(!asSent)}>
            {asSent ? "Set out" : "As it was sent"}
          </button>
        )}
      </p>
      <Attributes line={line} />
    </aside>
  );
}

function whole(line: LogLine): string {
  return `${line.time} ${line.level} ${line.service} ${line.body}`;
}

function Ways({ line }: { line: LogLine }) {
  return (
    <nav class="lg-ways" aria-label="From this line">
      {line.trace_id && <a href={`/trace/${encodeURIComponent(line.trace_id)}`}>This trace</a>}
      <a href={around(line)}>Around it</a>
      <a href={around(line, line.service)}>Around it, this service</a>
      {line.template && <a href={logsPage({ template: line.template, from: here("from"), to: here("to") })}>Its pattern</a>}
      {line.trace_id && <a href={around(line, undefined, line.trace_id)}>Lines of this trace</a>}
    </nav>
  );
}

/** The time that is looked at stays; the component may stand on other pages, which have none. */
function here(name: string): string | undefined {
  return new URLSearchParams(location.search).get(name) ?? undefined;
}

function Attributes({ line }: { line: LogLine }) {
  const ids: [string, string | null][] = [["trace", line.trace_id], ["span", line.span_id], ["pattern", line.template]];
  const rows = [...ids.filter((pair): pair is [string, string] => pair[1] !== null), ...line.attributes];
  const [all, showAll] = useState(false);
  if (rows.length === 0) return <p class="lg-quiet">It has no attributes.</p>;
  return (
    <>
      <table class="lg-attributes" aria-label="Attributes">
        <tbody>
          {rows.slice(0, all ? rows.length : ATTRIBUTES_MAX).map(([name, value], index) => (
            <tr key={index}>
              <th scope="row">{visible(clip(name, 200))}</th>
              <td>
                <Bounded key={value} text={value} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ATTRIBUTES_MAX && !all && (
        <button type="button" class="small" onClick={() => showAll(true)}>
          {`All ${exact(rows.length)} attributes`}
        </button>
      )}
    </>
  );
}

/** Text of any length: what is read at once, the rest in steps that a browser can take. */
function Bounded({ text, words }: { text: string; words?: RegExp }) {
  const [length, setLength] = useState(SHOWN_FIRST);
  const left = text.length - length;
  return (
    <>
      {marked(visible(clip(text, length)), words)}
      {left > 0 && length < SHOWN_MAX && (
        <button type="button" class="small lg-rest" onClick={() => setLength(length * 10)}>
          {`… ${exact(left)} characters more`}
        </button>
      )}
      {left > 0 && length >= SHOWN_MAX && <small>{` … ${exact(left)} characters more, too many to show; Copy has them`}</small>}
    </>
  );
}

/** Text with the words of the query marked. */
export function marked(text: string, words: RegExp | undefined) {
  return cutAt(text, words).map((part, index) => (part.hit ? <mark key={index}>{part.text}</mark> : part.text));
}
