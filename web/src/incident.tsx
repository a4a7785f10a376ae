// The page of one incident: what it came to, with the evidence beside it and room to ask on.
import { useEffect, useState } from "preact/hooks";
import { AnswerView } from "./answer";
import { useView } from "./api";
import { Copy } from "./copy";
import { draft, edit } from "./draft";
import { EvidencePane } from "./evidence";
import { FeedbackForm } from "./feedback";
import { Proposed } from "./proposed";
import { onAnswerKey, onEscape } from "./keys";
import { closeEvidence, opened, openEvidence } from "./opened";
import { Preview } from "./preview";
import { go, parameter } from "./route";
import { Shown } from "./shown";
import { Suggestions } from "./suggestions";
import { visible } from "./text";
import { ago } from "./time";
import type { Answer } from "./wire.gen";

/** `isEmbedded`: in a frame of another page, where only reading makes sense. */
export function IncidentPage({ code, isEmbedded = false }: { code: string; isEmbedded?: boolean }) {
  const [again, setAgain] = useState(0);
  const loaded = useView<Answer>(`/v1/incidents/${encodeURIComponent(code)}/answer`, again);
  return <Shown loaded={loaded} again={() => setAgain(again + 1)} show={(answer) => <Incident answer={answer} isEmbedded={isEmbedded} />} />;
}

function Incident({ answer, isEmbedded }: { answer: Answer; isEmbedded: boolean }) {
  useEffect(() => {
    const wanted = answer.evidence.find((item) => item.id === parameter("e"));
    if (wanted) openEvidence(wanted, answer.evidence);
    const onKey = (event: KeyboardEvent) => {
      onAnswerKey(event);
      onEscape(event, () => {});
    };
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
      opened.value = undefined;
    };
  }, [answer.answer_id]);
  const askOn = (words: string) => {
    edit(words, { services: answer.scope, at: answer.to, since: undefined });
    go(words ? `/ask?q=${encodeURIComponent(words)}` : "/ask");
  };
  return (
    <div class={opened.value ? "page with-evidence" : "page"}>
      <div class="column">
        <header class="incident">
          <h1>
            <span class="code">{visible(answer.incident)}</span> {visible(answer.question)}
          </h1>
          <p class="quiet">
            answered for {ago(answer.to)}
            {!isEmbedded && (
              <span class="copy-link">
                <Copy text={`${location.origin}/i/${encodeURIComponent(answer.incident)}`} what="link to this incident" />
              </span>
            )}
          </p>
        </header>
        <AnswerView answer={answer} sentences={[]} />
        {!isEmbedded && answer.verdict === "likely_cause" && <Proposed answerId={answer.answer_id} />}
        {!isEmbedded && answer.verdict !== "lookup" && <FeedbackForm answer={answer} />}
        {!isEmbedded && <AskOn answer={answer} ask={askOn} />}
      </div>
      {opened.value && <EvidencePane item={opened.value.item} close={closeEvidence} />}
      <Preview />
    </div>
  );
}

function AskOn({ answer, ask }: { answer: Answer; ask: (words: string) => void }) {
  return (
    <form
      class="ask-on"
      onSubmit={(event) => {
        event.preventDefault();
        ask(draft.value.text.trim());
      }}
    >
      <label for="ask-on">Ask on</label>
      <div class="row">
        <input id="ask-on" autocomplete="off" value={draft.value.text} onInput={(event) => (draft.value = { ...draft.value, text: event.currentTarget.value })} />
        <button type="submit" class="primary">
          Ask
        </button>
      </div>
      <Suggestions answer={answer} ask={ask} />
    </form>
  );
}
