// Generated from the Rust types by a test of the server; `UPDATE_WIRE_TYPES=1 cargo test wire_types` writes it anew.

export type Verdict = "likely_cause" | "lookup" | "not_enough_evidence";

export type Confidence = "low" | "medium" | "high";

export type ClaimStatus = "verified" | "unverifiable";

export type Figure = "count" | "ratio" | "first_seen" | "errors" | "duration" | "rate" | "level" | "parent" | "quotes" | "took_effect" | "status";

export type Assertion = { 
/**
 * The evidence item, by id.
 */
of: string, 
/**
 * Which figure of it.
 */
figure: Figure, 
/**
 * What it is said to be, as it would be written: `2,318`, `rises`, `03:07:10`.
 */
is: string, };

export type Outcome = "held" | "unclear" | "failed";

export type Check = { 
/**
 * What was asserted.
 */
assertion: Assertion, 
/**
 * How it came out.
 */
outcome: Outcome, 
/**
 * What was measured, in words.
 */
measured: string, };

export type Measure = { "of": "template", 
/**
 * The service.
 */
service: string, 
/**
 * The template's id: `t` and 16 hexadecimal digits.
 */
template: string, } | { "of": "requests", 
/**
 * The service.
 */
service: string, 
/**
 * One pod of it.
 */
pod: string | null, } | { "of": "calls", 
/**
 * Who calls.
 */
caller: string, 
/**
 * Who is called.
 */
callee: string, } | { "of": "series", 
/**
 * The service, `""` for none.
 */
service: string, 
/**
 * One pod of it.
 */
pod: string | null, 
/**
 * The metric's name.
 */
metric: string, } | { "of": "trace", 
/**
 * Its id.
 */
trace: string, } | { "of": "document", 
/**
 * Its name in the index.
 */
document: string, 
/**
 * The first line, from 1.
 */
line: number, } | { "of": "change", 
/**
 * Its id, else its title.
 */
id: string, } | { "of": "object", 
/**
 * `Kind/namespace/name`.
 */
object: string, };

export type Claim = { 
/**
 * `c1`, `c2`, ...
 */
id: string, 
/**
 * The sentence, plain text.
 */
text: string, 
/**
 * Evidence ids, never empty.
 */
cites: Array<string>, 
/**
 * What the check said.
 */
status: ClaimStatus, 
/**
 * What was measured again for it.
 */
checks?: Array<Check>, };

export type HypothesisStatus = "supported" | "possible" | "refuted";

export type Hypothesis = { 
/**
 * `h1`, `h2`, ...
 */
id: string, 
/**
 * In words: `checkout: database connections (config)`.
 */
title: string, 
/**
 * The service, pod, node, edge, change or dependency that is suspected.
 */
subject: string, 
/**
 * The kind of fault, a word of `groundcrew_analysis::FaultKind`.
 */
fault_kind: string, 
/**
 * How it stands.
 */
status: HypothesisStatus, 
/**
 * How convincing, 0 to 1.
 */
score: number, 
/**
 * Evidence for it.
 */
for: Array<string>, 
/**
 * Evidence against it.
 */
against: Array<string>, 
/**
 * One sentence.
 */
why: string, };

export type Impact = { 
/**
 * When it began, as far as the telemetry shows.
 */
since: string | null, 
/**
 * Services that show it, worst first.
 */
services: Array<string>, };

export type RuledOut = { 
/**
 * One sentence.
 */
text: string, 
/**
 * The evidence that excludes it; empty when the evidence is that nothing was found.
 */
cites: Array<string>, };

export type NextStep = { 
/**
 * What to do, in words.
 */
label: string, 
/**
 * `check`, `runbook`, `owner` or `ask`.
 */
kind: string, 
/**
 * A command to copy, only ever from a runbook or from this product.
 */
cmd: string | null, 
/**
 * Evidence it comes from, such as the runbook.
 */
cites: Array<string>, };

export type SeenSign = { 
/**
 * One sentence.
 */
text: string, 
/**
 * The evidence for it.
 */
cites: Array<string>, };

export type SeenBefore = { 
/**
 * Its title.
 */
title: string, 
/**
 * Its code, when people vouched for it; `None` for one that is only told in a document.
 */
incident: string | null, 
/**
 * The document it is told in; `""` for none.
 */
document: string, 
/**
 * When it was.
 */
at: string | null, 
/**
 * How alike it is, 0 to 1, by its symptoms and its text.
 */
similarity: number | null, 
/**
 * What caused it.
 */
cause: string | null, 
/**
 * What fixed it, in the words of whoever wrote it down.
 */
fixed_by: string | null, 
/**
 * How long it took.
 */
took: string | null, 
/**
 * What is as it was then.
 */
matches: Array<SeenSign>, 
/**
 * What differs this time.
 */
differs: Array<SeenSign>, 
/**
 * Where to read it.
 */
cites: Array<string>, };

export type Unknown = { 
/**
 * What is missing.
 */
what: string, 
/**
 * What would bring it.
 */
fix: string | null, };

export type Receipt = { 
/**
 * Log records in the window and its baseline.
 */
log_records: number, 
/**
 * Log templates among them.
 */
templates: number, 
/**
 * Templates that are new, spiking or gone.
 */
templates_changed: number, 
/**
 * Spans in the window and its baseline.
 */
spans: number, 
/**
 * Metric series looked at.
 */
series: number, 
/**
 * Evidence items in the bundle.
 */
items: number, 
/**
 * Candidates that did not fit or did not matter.
 */
left_out: number, 
/**
 * Tokens of the bundle, counted with o200k.
 */
bundle_tokens: number, 
/**
 * Items of the bundle that stood in the model's prompt; 0 when none was asked.
 */
in_prompt: number, };

export type Usage = { 
/**
 * The model that told it, if one did.
 */
model: string | null, 
/**
 * Tokens sent, as the model's server counted them.
 */
input_tokens: number | null, 
/**
 * Tokens received.
 */
output_tokens: number | null, 
/**
 * What the tokens cost, where prices are configured, in the currency of the prices.
 */
cost: number | null, 
/**
 * Name and version of the prompt and the beginning of its hash: `explain v2 5f0a9c01`.
 */
prompt: string | null, 
/**
 * Queries that the model asked for.
 */
queries: number, 
/**
 * Milliseconds from question to answer.
 */
ms: number, };

export type ToldBy = "plain" | "model";

export type EvidenceKind = "log" | "log_template" | "trace" | "span" | "metric" | "change" | "alert" | "k8s_event" | "cluster_state" | "runbook" | "incident" | "doc";

export type Evidence = { 
/**
 * `E1`, `E2`, ...: short, and stable inside an answer.
 */
id: string, 
/**
 * What it is.
 */
kind: EvidenceKind, 
/**
 * One line that says what it shows.
 */
title: string, 
/**
 * The service it is about.
 */
service: string | null, 
/**
 * The time it covers, start.
 */
from: string | null, 
/**
 * The time it covers, end.
 */
to: string | null, 
/**
 * How to find it again in the store, in words of our own query forms.
 */
query: string | null, 
/**
 * What it was measured on, so that it can be measured again.
 */
measure?: Measure, 
/**
 * A path of this server that opens it.
 */
permalink: string, 
/**
 * The content, as text, at most [`PREVIEW_BYTES_MAX`] bytes.
 */
preview: string, 
/**
 * Bytes at the beginning of the preview that are the engine's own words; the rest is recorded text, which anybody may
 * have written.
 */
own: number, 
/**
 * How much it matters here, 0 to 1.
 */
score: number, 
/**
 * BLAKE3 of kind, title and content, hex.
 */
hash: string, 
/**
 * A small series to draw, oldest first.
 */
series: Array<number> | null, };

export type StepStatus = "in_progress" | "complete" | "error";

export type Step = { 
/**
 * `plan`, `retrieve`, `suspects`, `explain`, `verify`.
 */
id: string, 
/**
 * What it does, in words.
 */
title: string, 
/**
 * How it stands.
 */
status: StepStatus, 
/**
 * What it came to, in words.
 */
detail: string | null, 
/**
 * Milliseconds it took.
 */
ms: number | null, };

export type Answer = { 
/**
 * `ans_` and a random part.
 */
answer_id: string, 
/**
 * The code of the incident it is about, for saying it aloud: `groundcrew incident confirm 7Q2`.
 */
incident: string, 
/**
 * The run that made it.
 */
run_id: string, 
/**
 * The question as it was asked, masked.
 */
question: string, 
/**
 * What it came to.
 */
verdict: Verdict, 
/**
 * How sure; `None` when there is no conclusion.
 */
confidence: Confidence | null, 
/**
 * One sentence to read first.
 */
headline: string, 
/**
 * Evidence the headline stands on.
 */
headline_cites: Array<string>, 
/**
 * The time that was examined, start.
 */
from: string, 
/**
 * The time that was examined, end.
 */
to: string, 
/**
 * Services that it is about; empty for all.
 */
scope: Array<string>, 
/**
 * How a follow-up question was understood.
 */
understood: string | null, 
/**
 * Who is hit, since when.
 */
impact: Impact, 
/**
 * The sentences.
 */
claims: Array<Claim>, 
/**
 * Suspects, best first.
 */
hypotheses: Array<Hypothesis>, 
/**
 * What was excluded.
 */
ruled_out: Array<RuledOut>, 
/**
 * What to do next.
 */
next: Array<NextStep>, 
/**
 * Past incidents that resemble it.
 */
seen_before: Array<SeenBefore>, 
/**
 * What could not be seen.
 */
unknowns: Array<Unknown>, 
/**
 * Everything cited, in order of id.
 */
evidence: Array<Evidence>, 
/**
 * How much was seen.
 */
receipt: Receipt, 
/**
 * What it cost.
 */
usage: Usage, 
/**
 * Who wrote it.
 */
told_by: ToldBy, 
/**
 * Something the reader must know first, such as that the model was down.
 */
notice: string | null, };
