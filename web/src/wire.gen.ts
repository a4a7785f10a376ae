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
object: string, } | { "of": "several", 
/**
 * Each of them.
 */
each: Array<Measure>, };

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
services: Array<string>, 
/**
 * The evidence that shows it of them.
 */
cites: Array<string>, };

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

export type EvidenceKind = "log" | "log_template" | "trace" | "span" | "metric" | "change" | "alert" | "k8s_event" | "cluster_state" | "signs" | "runbook" | "incident" | "doc";

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
series: Array<number> | null, 
/**
 * The time that the series covers, start: often more than the item does, so that what was before is seen too.
 */
series_from?: string, 
/**
 * The time that the series covers, end.
 */
series_to?: string, };

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

export type Time = string;

export type LogsView = { 
/**
 * Start of the time.
 */
from: Time, 
/**
 * Its end.
 */
to: Time, 
/**
 * The query in words that find the same again.
 */
query: string, 
/**
 * Milliseconds that a bucket covers.
 */
bucket_ms: number, 
/**
 * The histogram, oldest first, without gaps.
 */
buckets: Array<LogBucket>, 
/**
 * Whether the histogram counts every record that matches; otherwise there was no time to count them all.
 */
complete: boolean, 
/**
 * The records, newest first.
 */
lines: Array<LogLine>, 
/**
 * Give this as `to` for the records before these; `None` when these are all.
 */
next: Time | null, };

export type LogBucket = { 
/**
 * Where it begins.
 */
at: Time, 
/**
 * Records by severity: unset, trace, debug, info, warn, error, fatal.
 */
counts: Array<number>, };

export type LogLine = { 
/**
 * When.
 */
time: Time, 
/**
 * `UNSET`, `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`.
 */
level: string, 
/**
 * Who wrote it.
 */
service: string, 
/**
 * The pod.
 */
pod: string | null, 
/**
 * The message.
 */
body: string, 
/**
 * The trace it belongs to.
 */
trace_id: string | null, 
/**
 * The span it was written in.
 */
span_id: string | null, 
/**
 * Its template.
 */
template: string | null, 
/**
 * Its attributes, as text.
 */
attributes: Array<[string, string]>, };

export type PatternsView = { 
/**
 * Start of the time.
 */
from: Time, 
/**
 * Its end.
 */
to: Time, 
/**
 * Start of the time before, which ends at `from`.
 */
before_from: Time, 
/**
 * Milliseconds between two of a pattern's counts.
 */
bucket_ms: number, 
/**
 * The patterns: new ones of trouble first, then what grew most.
 */
patterns: Array<Pattern>, 
/**
 * Patterns that are not listed.
 */
left_out: number, };

export type Pattern = { 
/**
 * The template's id.
 */
id: string, 
/**
 * Its text, variable parts as `<*>`.
 */
text: string, 
/**
 * Who writes it.
 */
service: string, 
/**
 * The worst severity it came with, as in [`LogLine::level`].
 */
level: string, 
/**
 * Records in the time.
 */
count: number, 
/**
 * Records in the time before, scaled to the same length; `None` where nothing is known of that time.
 */
before: number | null, 
/**
 * Whether the time before has none.
 */
is_new: boolean, 
/**
 * The first record of the time.
 */
first: Time, 
/**
 * The last.
 */
last: Time, 
/**
 * Records per bucket, oldest first.
 */
counts: Array<number>, 
/**
 * One record, verbatim.
 */
exemplar: string, };

export type TracesView = { 
/**
 * Start of the time.
 */
from: Time, 
/**
 * Its end.
 */
to: Time, 
/**
 * The query in words that find the same again.
 */
query: string, 
/**
 * The traces: failed ones first, then the slowest.
 */
traces: Array<TraceRow>, 
/**
 * Traces among those read that are not listed.
 */
left_out: number, 
/**
 * Whether only a sample of whole traces was read.
 */
sampled: boolean, };

export type TraceRow = { 
/**
 * Its id.
 */
id: string, 
/**
 * When it began.
 */
start: Time, 
/**
 * Milliseconds from its first span's start to its last one's end.
 */
ms: number, 
/**
 * The service of its first span.
 */
service: string, 
/**
 * The operation of its first span.
 */
operation: string, 
/**
 * Spans that were read.
 */
spans: number, 
/**
 * Of them failed.
 */
failed: number, 
/**
 * Who took part, sorted.
 */
services: Array<string>, };

export type TraceView = { 
/**
 * Its id.
 */
id: string, 
/**
 * When it began.
 */
start: Time, 
/**
 * Microseconds it took.
 */
us: number, 
/**
 * Its spans in the order of a walk through the tree: a parent before its children, children by start.
 */
spans: Array<TraceSpan>, 
/**
 * Spans that are not shown, because there are too many.
 */
left_out: number, };

export type TraceSpan = { 
/**
 * Its id.
 */
id: string, 
/**
 * The position in [`TraceView::spans`] of the span that caused it; `None` for a root, or where that one is not there.
 */
parent: number | null, 
/**
 * How deep it lies, 0 for a root.
 */
depth: number, 
/**
 * Who recorded it.
 */
service: string, 
/**
 * The operation.
 */
operation: string, 
/**
 * `internal`, `server`, `client`, `producer`, `consumer` or `unspecified`.
 */
kind: string, 
/**
 * Microseconds from the trace's start to the span's.
 */
start_us: number, 
/**
 * Microseconds it took.
 */
us: number, 
/**
 * Microseconds in which none of its children ran.
 */
own_us: number, 
/**
 * Whether it failed.
 */
failed: boolean, 
/**
 * Stretches in which it is what the trace waited for: from, to, in microseconds since the trace's start.
 */
critical: Array<[number, number]>, };

export type SpanView = { 
/**
 * What it says about its failure; `""` for nothing.
 */
message: string, 
/**
 * Its attributes, as text.
 */
attributes: Array<[string, string]>, 
/**
 * Attributes of who recorded it.
 */
resource: Array<[string, string]>, 
/**
 * What happened inside.
 */
events: Array<SpanMoment>, 
/**
 * Log records written in it, oldest first.
 */
lines: Array<LogLine>, };

export type SpanMoment = { 
/**
 * When.
 */
time: Time, 
/**
 * What.
 */
name: string, 
/**
 * Details, as text.
 */
attributes: Array<[string, string]>, };

export type MetricsView = { 
/**
 * Start of the time.
 */
from: Time, 
/**
 * Its end.
 */
to: Time, 
/**
 * Start of the time before, whose points are in the series too.
 */
before_from: Time, 
/**
 * The query in words that find the same again.
 */
query: string, 
/**
 * Every metric's name that there is, sorted.
 */
names: Array<string>, 
/**
 * The series: those that left their usual band furthest first.
 */
series: Array<SeriesView>, 
/**
 * Series that are not shown.
 */
left_out: number, 
/**
 * Changes in the time, to be marked.
 */
markers: Array<Marker>, };

export type SeriesView = { 
/**
 * The metric's name.
 */
name: string, 
/**
 * Its unit, as the sender wrote it; for counters `/s` is added.
 */
unit: string, 
/**
 * Whose.
 */
service: string, 
/**
 * The pod.
 */
pod: string | null, 
/**
 * What tells it from others of the name.
 */
labels: Array<[string, string]>, 
/**
 * Milliseconds since 1970 and value, ascending; counters as rate per second.
 */
points: Array<[number, number]>, 
/**
 * Where nine in ten values of the time before lie: from, to; `None` when there are too few.
 */
usual: [number, number] | null, };

export type Marker = { 
/**
 * When.
 */
at: Time, 
/**
 * `deploy`, `commit`, `flag`, `config`, `scaling` or `change`.
 */
kind: string, 
/**
 * In one line.
 */
title: string, 
/**
 * The service it acts on.
 */
service: string | null, 
/**
 * Version or value before.
 */
before: string | null, 
/**
 * Version or value after.
 */
after: string | null, 
/**
 * Who did it.
 */
actor: string | null, };

export type ServicesView = { 
/**
 * Start of the time.
 */
from: Time, 
/**
 * Its end.
 */
to: Time, 
/**
 * Start of the time before, which ends at `from`.
 */
before_from: Time, 
/**
 * The services: failing ones first, then by name.
 */
services: Array<ServiceRow>, 
/**
 * Calls between them, by caller, then callee.
 */
edges: Array<ServiceEdge>, };

export type ServiceState = "failing" | "slower" | "silent" | "fine";

export type ServiceRow = { 
/**
 * Its name.
 */
name: string, 
/**
 * How it stands.
 */
state: ServiceState, 
/**
 * Why, in words; `""` where it is as before.
 */
why: string, 
/**
 * Whether it is known only from being called.
 */
dependency: boolean, 
/**
 * The time.
 */
now: Served, 
/**
 * The time before.
 */
before: Served, 
/**
 * Log records in the time.
 */
log_records: number, 
/**
 * Of them errors.
 */
errors_logged: number, 
/**
 * Its pods, sorted.
 */
pods: Array<string>, 
/**
 * Who owns it, from the catalog.
 */
owner: string | null, };

export type Served = { 
/**
 * How many there were.
 */
requests: number, 
/**
 * Of them failed.
 */
failed: number, 
/**
 * Median milliseconds, within five per cent; `None` without requests.
 */
p50_ms: number | null, 
/**
 * Milliseconds that nineteen in twenty stay below, within five per cent.
 */
p95_ms: number | null, };

export type ServiceEdge = { 
/**
 * Who calls.
 */
caller: string, 
/**
 * Who is called.
 */
callee: string, 
/**
 * How many calls.
 */
calls: number, 
/**
 * Of them failed.
 */
failed: number, };

export type OverviewView = { 
/**
 * The server's clock.
 */
now: Time, 
/**
 * Start of the time that is looked at.
 */
from: Time, 
/**
 * Its end: now, or the newest telemetry where that is older.
 */
to: Time, 
/**
 * Alerts that fire and those of the last day, the same ones folded; firing ones first, then the newest.
 */
alerts: Array<AlertRow>, 
/**
 * Incidents that alerts opened: those that go on, and those of the last day; the ones that go on first, then the newest.
 */
opened: Array<OpenedRow>, 
/**
 * Questions that were answered and incidents that people spoke about, newest first; without those above.
 */
incidents: Array<IncidentRow>, 
/**
 * Changes in the time, newest first.
 */
changes: Array<Marker>, 
/**
 * Services that are not as before.
 */
unwell: Array<ServiceRow>, 
/**
 * Services that were heard of.
 */
services: number, 
/**
 * What is stored of logs, spans and metric points.
 */
signals: Array<SignalRow>, };

export type OpenedRow = { 
/**
 * Its code.
 */
code: string, 
/**
 * What its first alert said.
 */
title: string, 
/**
 * What was found, in one line; `None` while it is looked into.
 */
headline: string | null, 
/**
 * How sure; `None` without a conclusion.
 */
confidence: Confidence | null, 
/**
 * The earliest beginning of its alerts.
 */
since: Time, 
/**
 * When the last of them ended; `None` while one holds.
 */
until: Time | null, 
/**
 * Alerts that hold.
 */
firing: number, 
/**
 * All its alerts.
 */
alerts: number, 
/**
 * Services of its alerts.
 */
services: Array<string>, };

export type SignalRow = { 
/**
 * `logs`, `spans` or `metric points`.
 */
name: string, 
/**
 * Records stored.
 */
count: number, 
/**
 * The newest; `None` when there is none.
 */
newest: Time | null, };

export type AlertRow = { 
/**
 * The rule's name.
 */
name: string, 
/**
 * The sender's word for how bad it is.
 */
severity: string, 
/**
 * The service it names.
 */
service: string | null, 
/**
 * Whether one of them still holds.
 */
firing: boolean, 
/**
 * The earliest start.
 */
since: Time, 
/**
 * The latest end, where none holds any more.
 */
until: Time | null, 
/**
 * How many were folded.
 */
count: number, 
/**
 * What the rule's author wrote.
 */
text: string, };

export type IncidentRow = { 
/**
 * Its code.
 */
code: string, 
/**
 * What it was, in one line.
 */
title: string, 
/**
 * The question it came from; `""` where it is not kept.
 */
question: string, 
/**
 * When it was asked or recorded.
 */
at: Time, 
/**
 * What the answer came to.
 */
verdict: Verdict, 
/**
 * How sure.
 */
confidence: Confidence | null, 
/**
 * Services it is about.
 */
services: Array<string>, 
/**
 * What people said: `confirmed`, `corrected`, `struck`; `None` for nothing yet.
 */
said: string | null, };

export type IncidentsView = { 
/**
 * Newest first.
 */
incidents: Array<IncidentRow>, };

export type DocumentsView = { 
/**
 * What was searched for.
 */
query: string, 
/**
 * What was found, best first; without a query nothing.
 */
documents: Array<DocumentRow>, 
/**
 * Documents in the index.
 */
indexed: number, 
/**
 * Of them runbooks.
 */
runbooks: number, 
/**
 * Of them accounts of incidents.
 */
incidents: number, 
/**
 * Alerts of the last week and whether a runbook covers them.
 */
coverage: Array<CoverageRow>, };

export type DocumentRow = { 
/**
 * Its id.
 */
document: string, 
/**
 * `runbook`, `incident` or `doc`.
 */
kind: string, 
/**
 * Its title.
 */
title: string, 
/**
 * Headings above the section, outermost first.
 */
heading: Array<string>, 
/**
 * The section's text.
 */
text: string, 
/**
 * The section's first line, counted from 1.
 */
line_start: number, 
/**
 * Its last line.
 */
line_end: number, 
/**
 * Services it is about.
 */
services: Array<string>, 
/**
 * Alerts it answers.
 */
alerts: Array<string>, 
/**
 * When it was written or the incident happened.
 */
date: Time | null, 
/**
 * How sure it is that it answers, 0 to 1.
 */
confidence: number, };

export type CoverageRow = { 
/**
 * The alert's name.
 */
alert: string, 
/**
 * The service it names.
 */
service: string | null, 
/**
 * How often it fired.
 */
count: number, 
/**
 * The runbook's title; `None` where none covers it.
 */
runbook: string | null, 
/**
 * The runbook's id.
 */
document: string | null, };

export type SearchView = { 
/**
 * Best first.
 */
hits: Array<SearchHit>, };

export type SearchHit = { 
/**
 * `service`, `incident`, `trace`, `metric`, `runbook` or `document`.
 */
kind: string, 
/**
 * Its name.
 */
title: string, 
/**
 * A line more.
 */
detail: string, 
/**
 * A path of the panel.
 */
path: string, };

export type ExternalLink = { 
/**
 * What can be opened there: `trace`, `logs`, `metric` or `service`.
 */
kind: string, 
/**
 * What the place is called.
 */
name: string, 
/**
 * Its address, with `{trace}`, `{service}` and so on for what is opened.
 */
address: string, };

export type PanelOptions = { 
/**
 * Where else things can be opened.
 */
links: Array<ExternalLink>, 
/**
 * Whether answers may have a proposal under them.
 */
actions: boolean, };

export type ProposalState = "open" | "expired" | "declined" | "acting" | "done" | "failed" | "unknown";

export type RestsOn = { 
/**
 * The answer.
 */
answer: string | null, 
/**
 * Its incident's code.
 */
incident: string | null, 
/**
 * The suspect that it is about.
 */
suspect: string | null, 
/**
 * The evidence that speaks for the suspect.
 */
evidence: Array<string>, 
/**
 * Whether all of that is words that anybody may have written, and nothing that was measured.
 */
is_tainted: boolean, 
/**
 * The same in one sentence.
 */
words: string, };

export type Helped = "better" | "not" | "unknown";

export type Course = { 
/**
 * Who approved or declined it.
 */
decided_by: string | null, 
/**
 * When.
 */
decided_at: string | null, 
/**
 * What came of doing it.
 */
outcome: string | null, 
/**
 * When the check is due; it has been made when `helped` is there.
 */
check_at: string | null, 
/**
 * Whether it helped.
 */
helped: Helped | null, 
/**
 * What was measured for that.
 */
measured: string | null, };

export type Proposal = { 
/**
 * `ap_` and a part that cannot be guessed.
 */
id: string, 
/**
 * The action's id.
 */
action: string, 
/**
 * In a few words.
 */
title: string, 
/**
 * What it does.
 */
does: string, 
/**
 * Whom it hits, in the runbook's words.
 */
blast_radius: string, 
/**
 * Services that were seen calling those that it is done to, the most calls first.
 */
callers: Array<string>, 
/**
 * How to undo it.
 */
undo: string, 
/**
 * The runbook that declares it.
 */
runbook: string, 
/**
 * The arguments, by parameter.
 */
arguments: { [key in string]: string }, 
/**
 * Who does it: `dry run`, or `webhook` and its name.
 */
actuator: string, 
/**
 * What is measured afterwards, in words.
 */
check: string | null, 
/**
 * The plan, to the letter.
 */
plan: string, 
/**
 * Its hash. Whoever approves approves this.
 */
hash: string, 
/**
 * What was tried without doing anything.
 */
dry_run: Array<string>, 
/**
 * What speaks for it.
 */
rests_on: RestsOn, 
/**
 * Who proposed it.
 */
proposed_by: string, 
/**
 * When.
 */
at: string, 
/**
 * From when on it may not be approved any more.
 */
expires_at: string, 
/**
 * Where it stands.
 */
state: ProposalState, 
/**
 * What became of it.
 */
course: Course, };
