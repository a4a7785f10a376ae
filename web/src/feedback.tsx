// What a person says about an answer, so that it is seen before the next time.
import { useState } from "preact/hooks";
import { visible } from "./text";
import { authorization } from "./token";
import type { Answer, Claim } from "./wire.gen";

type Stage = { at: "asked" } | { at: "telling"; right: boolean } | { at: "sending" } | { at: "kept"; incident: string | null } | { at: "failed"; why: string };

/** The body of `POST /v1/answers/{answer}/feedback`. */
export interface Said {
  score: 1 | -1;
  reason?: "wrong_cause" | "wrong_evidence";
  /** The sentence it is about; none for the answer. */
  claim_id?: string;
  cause?: { service?: string; words?: string };
  fix?: string;
  took?: string;
}

export function FeedbackForm({ answer }: { answer: Answer }) {
  const [stage, setStage] = useState<Stage>({ at: "asked" });
  if (stage.at === "kept") {
    return (
      <p class="feedback" role="status">
        {stage.incident ? `Remembered as incident ${visible(stage.incident)}.` : "Noted."}
      </p>
    );
  }
  const names = answer.verdict === "likely_cause";
  const choices = names ? ([["Yes", true], ["No", false]] as const) : ([["Tell it", false]] as const);
  const tell = async (said: Said) => {
    setStage({ at: "sending" });
    setStage(await send(answer.answer_id, said));
  };
  return (
    <div class="feedback" role="group" aria-label="Was it right?">
      {stage.at === "failed" && <p role="alert">{visible(stage.why)}</p>}
      {stage.at === "telling" ? (
        <Details right={stage.right} tell={tell} />
      ) : (
        <p>
          {names ? "Was this the cause?" : "Do you know what it was?"}
          {choices.map(([word, right]) => (
            <button key={word} type="button" class="small" disabled={stage.at === "sending"} onClick={() => setStage({ at: "telling", right })}>
              {word}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}

/** Says of one sentence that its evidence does not bear it out. */
export function Doubt({ answerId, claim }: { answerId: string; claim: Claim }) {
  const [stage, setStage] = useState<Stage>({ at: "asked" });
  const doubt = async () => {
    setStage({ at: "sending" });
    setStage(await send(answerId, { score: -1, reason: "wrong_evidence", claim_id: claim.id }));
  };
  if (stage.at === "kept") return <small role="status">noted as wrong</small>;
  return (
    <>
      <button type="button" class="doubt" disabled={stage.at === "sending"} aria-label="This sentence is wrong" title="This sentence is wrong" onClick={() => void doubt()}>
        ⚑
      </button>
      {stage.at === "failed" && <small role="alert">{visible(stage.why)}</small>}
    </>
  );
}

const FIELDS = {
  right: [
    ["fix", "What fixed it"],
    ["took", "How long it took, e.g. 23m"],
  ],
  wrong: [
    ["service", "Which service it was"],
    ["words", "What it was"],
    ["fix", "What fixed it"],
  ],
} as const;

function Details({ right, tell }: { right: boolean; tell: (said: Said) => void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const given = (name: string) => String(form.get(name) ?? "").trim() || undefined;
    const [fix, took] = [given("fix"), given("took")];
    tell(right ? { score: 1, fix, took } : { score: -1, reason: "wrong_cause", cause: { service: given("service"), words: given("words") }, fix });
  };
  return (
    <form onSubmit={submit}>
      {FIELDS[right ? "right" : "wrong"].map(([name, label]) => (
        <label key={name}>
          {label} <input name={name} autocomplete="off" />
        </label>
      ))}
      <button type="submit">{right ? "Remember it" : "Correct it"}</button> <small>every field may stay empty</small>
    </form>
  );
}

async function send(answerId: string, said: Said): Promise<Stage> {
  try {
    const response = await fetch(`/v1/answers/${encodeURIComponent(answerId)}/feedback`, {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization() },
      body: JSON.stringify(said),
    });
    const body = (await response.json()) as { incident?: string | null; error?: { message: string } };
    if (response.ok) return { at: "kept", incident: body.incident ?? null };
    return { at: "failed", why: body.error?.message ?? "the server did not take it" };
  } catch {
    return { at: "failed", why: "the server is away; try again" };
  }
}
