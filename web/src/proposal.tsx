// A proposal: done only after a person has read the plan, said who they are and confirmed it once more.
import { useState } from "preact/hooks";
import { send } from "./proposed";
import { visible } from "./text";
import { moment } from "./time";
import type { Proposal } from "./wire.gen";

const NAME = "groundcrew.name";

type Stage = "closed" | "reading" | "confirming" | "sending";

export function ProposalView({ proposal, changed }: { proposal: Proposal; changed: (proposal: Proposal) => void }) {
  const [stage, setStage] = useState<Stage>("closed");
  const [name, setName] = useState(() => sessionStorage.getItem(NAME) ?? "");
  const [why, setWhy] = useState("");
  const decide = async (word: "approve" | "decline") => {
    setStage("sending");
    setWhy("");
    sessionStorage.setItem(NAME, name.trim());
    const body = word === "approve" ? { by: name.trim(), hash: proposal.hash } : { by: name.trim() };
    const said = await send<Proposal>(`/v1/proposals/${encodeURIComponent(proposal.id)}/${word}`, body);
    setStage("closed");
    if (typeof said === "string") setWhy(said);
    else changed(said);
  };
  return (
    <section class="proposal" aria-label="What could be done">
      <h3>Could be done</h3>
      <p>
        {visible(proposal.title)} <small>{standing(proposal)}</small>{" "}
        {proposal.state === "open" && stage === "closed" && (
          <button type="button" class="small" onClick={() => setStage("reading")}>
            Approve…
          </button>
        )}
      </p>
      {why && <p role="alert">{visible(why)}</p>}
      {stage !== "closed" && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (stage === "reading") setStage("confirming");
            else if (stage === "confirming") void decide("approve");
          }}
        >
          <Plan proposal={proposal} />
          <label>
            Your name <input name="name" required maxLength={80} value={name} disabled={stage !== "reading"} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <button type="submit" disabled={stage === "sending"}>
            {stage === "reading" ? "Approve this plan" : `Yes, ${visible(name.trim())} has it done now`}
          </button>{" "}
          <button type="button" class="small" disabled={stage === "sending" || name.trim() === ""} onClick={() => void decide("decline")}>
            Decline
          </button>{" "}
          <button type="button" class="small" disabled={stage === "sending"} onClick={() => setStage("closed")}>
            Not now
          </button>
        </form>
      )}
    </section>
  );
}

function Plan({ proposal }: { proposal: Proposal }) {
  const rows: [string, string][] = [
    ["Does", proposal.does],
    ...Object.entries(proposal.arguments).map(([name, value]): [string, string] => ["With", `${name} = ${value}`]),
    ["By", proposal.actuator],
    ["Hits", proposal.blast_radius],
    ["Called by", proposal.callers.join(", ")],
    ["Undo", proposal.undo],
    ...proposal.dry_run.map((line): [string, string] => ["Dry run", line]),
    ["Rests on", proposal.rests_on.words],
    ["Runbook", proposal.runbook],
    ["Until", moment(proposal.expires_at)],
    ["Plan", proposal.plan],
    ["Hash", proposal.hash],
  ];
  return (
    <dl>
      {rows
        .filter(([, text]) => text)
        .map(([label, text], index) => (
          <div key={index}>
            <dt>{label}</dt>
            <dd>{visible(text)}</dd>
          </div>
        ))}
    </dl>
  );
}

/** How it stands, in words. */
function standing({ state, course }: Proposal): string {
  const by = visible(course.decided_by ?? "somebody");
  const outcome = visible(course.outcome ?? "");
  const helped = course.helped && { better: "it is better", not: "it is not better", unknown: "whether it helped is not known" }[course.helped];
  const measured = helped ? `; ${helped}: ${visible(course.measured ?? "")}` : course.check_at ? "; whether it helped is measured in a while" : "";
  const words = {
    open: "waits for a person",
    expired: "expired",
    declined: `declined by ${by}`,
    acting: `approved by ${by}, being done`,
    done: `approved by ${by}; ${outcome}`,
    failed: `approved by ${by}, not done: ${outcome}`,
    unknown: `approved by ${by}; whether it was done is not known: ${outcome}`,
  }[state];
  return words + measured;
}
