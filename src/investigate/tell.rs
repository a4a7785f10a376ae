//! Lets a model tell the facts, in a bounded conversation: it may look further by typed queries, what it says is checked
//! sentence by sentence before anybody reads it, and the facts card stands whenever it fails.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use groundcrew_llm::prompt::fenced;
use groundcrew_llm::{ChatRequest, LanguageModel, LlmError, count_tokens, truncate_to_tokens};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, AnswerEvent, ClaimStatus, Step, StepStatus, Unknown, Usage};
use super::context::{Emit, Tools};
use super::evidence::{Candidate, Evidence, Gap};
use super::explain::{self, Bundle, Packed, Reply};
use super::look::{Look, LookFor};
use super::neighbours::{self, Neighbours, Offer, Unanswered};
use super::question::Question;
use super::record::{Exchange, Record, Struck};
use super::retrieve::{self, Stores};
use super::source::Source;
use super::verify::{self, Grounds, Measurer, Support, Wording};
use super::{Facts, elapsed_ms};

/// Kept free of the window for what the server adds around messages, in tokens.
const WINDOW_SLACK: usize = 64;
/// How much longer than the client all turns together may take.
const GRACE: Duration = Duration::from_millis(500);
/// Tokens of one query's results.
const RESULT_TOKENS_MAX: usize = 1_500;
/// Characters of a prompt's hash that are shown.
const HASH_SHOWN: usize = 8;
/// What the model is told when it may not look further.
const NO_MORE: &str = "No more queries. Tell it from the evidence you have, in the form that was asked for, with \"look\" empty.";
/// What the model is told, once, when its account did not hold.
const DID_NOT_HOLD: &str = "These sentences do not hold and were struck. Tell it once more, only what the cited evidence says:";
/// What the model is told, once, when its reply was not in the form.
const NOT_THE_FORM: &str = "That was not the JSON object that was asked for. Reply with it alone, with at least one claim.";

/// What a telling works with.
pub(super) struct Telling<'a> {
    pub(super) tools: Tools<'a>,
    pub(super) source: &'a Source,
    pub(super) question: &'a Question,
    pub(super) model: &'a dyn LanguageModel,
    pub(super) neighbours: Option<&'a Neighbours>,
    pub(super) facts: &'a Facts,
    pub(super) cancel: &'a CancellationToken,
    pub(super) emit: &'a Emit,
}

/// How far a telling has come.
struct Progress {
    bundle: Bundle,
    queries: u32,
    asked: BTreeSet<Look>,
    /// A second attempt at the form or at sentences that hold was asked for.
    repaired: bool,
    /// It was told to look no further.
    closed: bool,
    tokens: (usize, usize),
    blocks: usize,
    /// Items in the first prompt.
    in_prompt: u64,
    /// What other systems may be asked, and which of them did not answer.
    offer: Offer,
}

/// What to do after a reply.
enum Next {
    Done(Box<(Answer, Vec<Struck>)>),
    Say(String),
    GiveUp(String),
}

/// What a model is sent first.
pub(super) fn first_request(
    tools: Tools<'_>,
    question: &Question,
    facts: &Facts,
    offer: &Offer,
) -> Result<Packed, String> {
    let (prompt, limits) = (tools.prompt, tools.limits);
    let reply = prompt.budget().output_tokens as usize;
    let window = limits.context_tokens.saturating_sub(reply + WINDOW_SLACK);
    let first = prompt.budget().input_tokens as usize;
    let tokens_max = if question.budget.deep { window } else { window.min(first) };
    let tokens_max = tokens_max.saturating_sub(offer.tokens());
    let account = (&facts.draft, &facts.bundle);
    let mut packed = explain::request(prompt, tools.masker, &question.text, account, tokens_max)
        .map_err(|error| format!("the model was not asked ({error})"))?;
    offer.tell(&mut packed.request, tools.masker)?;
    Ok(packed)
}

impl Telling<'_> {
    /// Tells the facts; `answer` stays the facts card, with a notice, when the model does not help.
    pub(super) async fn tell(self, answer: &mut Answer, record: &mut Record) {
        let started = Instant::now();
        let title = format!("Asking {}", self.model.name());
        self.report(("tell", &title), StepStatus::InProgress, (None, None));
        let mut progress = Progress {
            bundle: self.facts.bundle.clone(),
            queries: 0,
            asked: BTreeSet::new(),
            repaired: false,
            closed: false,
            tokens: (0, 0),
            blocks: 0,
            in_prompt: 0,
            offer: neighbours::offered(self.neighbours, self.cancel).await,
        };
        let outcome = self.converse(answer, &mut progress, record).await;
        let outcome = if self.cancel.is_cancelled() {
            Err("stopped before the model had told it".to_owned())
        } else {
            outcome
        };
        let took = Some(elapsed_ms(started));
        match outcome {
            Ok((told, struck)) => {
                let cut = format!("{} sentences cut", struck.len());
                record.struck.extend(struck);
                *answer = told;
                self.report(("tell", &title), StepStatus::Complete, (Some(cut), took));
            }
            Err(why) => {
                let notice = format!("{why}; these are the facts alone");
                answer.notice = Some(notice.clone());
                self.report(("tell", &title), StepStatus::Error, (Some(notice), took));
            }
        }
        let gaps = progress.offer.gaps.drain(..);
        answer.unknowns.extend(gaps.map(|gap| Unknown { what: gap.what, fix: gap.fix }));
        self.account(answer, &progress, record);
    }

    /// Asks until there is an account that holds, or a reason that there is none.
    async fn converse(
        &self,
        card: &Answer,
        progress: &mut Progress,
        record: &mut Record,
    ) -> Result<(Answer, Vec<Struck>), String> {
        let limits = self.tools.limits;
        let deadline = Instant::now() + limits.time_max;
        let Packed { mut request, items } =
            first_request(self.tools, self.question, self.facts, &progress.offer)?;
        progress.in_prompt = items as u64;
        let card = card.clone();
        let measurer = Measurer::new(self.source, &self.facts.plan);
        loop {
            self.afford(&request, progress, deadline)?;
            // The client has a limit of its own, which says better what was waited for; this one holds over all turns.
            let asking = self.ask(&request, &measurer, progress, record);
            let reply = timeout_at((deadline + GRACE).into(), asking).await;
            let text = reply
                .map_err(|_| format!("the model took longer than {} s", limits.time_max.as_secs()))?
                .map_err(|error| format!("the model did not help ({error})"))?;
            let next = match explain::read_reply(&text) {
                Reply::Look(looks) => self.look(looks, &card, progress).await,
                Reply::Unreadable => not_the_form(&text, &request, progress),
                Reply::Told(told)
                    if told.claims.iter().any(|claim| request.is_instruction(&claim.text)) =>
                {
                    Next::GiveUp("the model repeated its instructions".to_owned())
                }
                Reply::Told(told) => self.accept(told, &card, &measurer, progress),
            };
            match next {
                Next::Done(told) => return Ok(*told),
                Next::GiveUp(why) => return Err(why),
                Next::Say(next) => request = request.and_then(text, next),
            }
        }
    }

    /// Whether another turn is within the limits.
    fn afford(
        &self,
        request: &ChatRequest,
        progress: &Progress,
        deadline: Instant,
    ) -> Result<(), String> {
        let limits = self.tools.limits;
        let input = request.input_tokens();
        let output = request.output_tokens_max as usize;
        if input + output + WINDOW_SLACK > limits.context_tokens {
            return Err("the model's window is full".to_owned());
        }
        let (sent, received) = progress.tokens;
        if sent + received + input + output > limits.tokens_max {
            return Err(format!("the model would need more than {} tokens", limits.tokens_max));
        }
        if Instant::now() >= deadline {
            return Err(format!("the model took longer than {} s", limits.time_max.as_secs()));
        }
        match limits.cost(sent + input, received + output) {
            Some(cost) if limits.cost_max > 0.0 && cost > limits.cost_max => {
                Err(format!("the answer would cost more than {}", limits.cost_max))
            }
            _ => Ok(()),
        }
    }

    /// One request and its whole reply; sentences that hold are shown as they come.
    async fn ask(
        &self,
        request: &ChatRequest,
        measurer: &Measurer<'_>,
        progress: &mut Progress,
        record: &mut Record,
    ) -> Result<String, LlmError> {
        let started = Instant::now();
        let (mut seen, mut told, mut first) = (String::new(), 0, None);
        let mut block = progress.blocks;
        let shown = Shown { question: self.question, items: &progress.bundle.items, measurer };
        let wording = shown.wording(self.facts);
        let grounds = shown.grounds(self.facts, &wording);
        let mut on_delta = |delta: &str| {
            first.get_or_insert_with(|| elapsed_ms(started));
            seen.push_str(delta);
            let complete = explain::complete_claims(&seen);
            for claim in complete.iter().skip(told) {
                // Only what holds is shown, even while it streams.
                let judged = grounds.judge(claim.clone());
                let is_ours = request.is_instruction(&claim.text);
                if !matches!(judged.support, Support::Refuted(_)) && !is_ours {
                    (self.emit)(AnswerEvent::Text { block, text: judged.sentence.text });
                    block += 1;
                }
            }
            told = told.max(complete.len());
        };
        let completion = self.model.complete(request, self.cancel, &mut on_delta).await;
        progress.blocks = block;
        let (text, error) = match &completion {
            Ok(completion) => (completion.text.clone(), None),
            Err(error) => (seen, Some(error.to_string())),
        };
        let counted = |known: Option<u32>, own: usize| known.map_or(own, |tokens| tokens as usize);
        let (input, output) = completion
            .as_ref()
            .map_or((None, None), |completion| (completion.input_tokens, completion.output_tokens));
        progress.tokens.0 += counted(input, request.input_tokens());
        progress.tokens.1 += counted(output, count_tokens(&text));
        let sent: Vec<String> = request.messages().map(|(_, text)| text.to_owned()).collect();
        let prompt = self.tools.prompt;
        record.exchanges.push(Exchange {
            model: completion.as_ref().map_or_else(
                |_| self.model.name().to_owned(),
                |completion| completion.model.clone(),
            ),
            prompt: format!("{} v{}", prompt.name(), prompt.version()),
            prompt_hash: blake3::hash(sent.join("\n").as_bytes()).to_hex().to_string(),
            sent,
            reply: text.clone(),
            error,
            first_ms: first,
            ms: elapsed_ms(started),
        });
        completion.map(|_| text)
    }

    /// Runs the queries that a model asked for; what they bring is evidence first and an answer to it second.
    async fn look(&self, looks: Vec<Look>, card: &Answer, progress: &mut Progress) -> Next {
        let left = self.tools.limits.queries_max.saturating_sub(progress.queries);
        if left == 0 {
            if progress.closed {
                return Next::GiveUp("the model went on asking instead of answering".to_owned());
            }
            progress.closed = true;
            return Next::Say(NO_MORE.to_owned());
        }
        if looks.iter().all(|look| progress.asked.contains(look)) {
            // The same again brings the same again.
            progress.queries = self.tools.limits.queries_max;
            progress.closed = true;
            return Next::Say(format!("You asked that before. {NO_MORE}"));
        }
        let mut results = String::new();
        for look in looks.into_iter().take(left as usize) {
            progress.queries += 1;
            results.push_str(&self.run(&look, card, progress).await);
            progress.asked.insert(look);
        }
        let left = self.tools.limits.queries_max.saturating_sub(progress.queries);
        match self.tools.masker.mask_text(&results) {
            Ok(masked) => Next::Say(format!(
                "What was found:\n{}\n{left} further queries are left. Reply in the same form.",
                fenced("results", &masked)
            )),
            Err(_) => Next::GiveUp("what was found could not be masked".to_owned()),
        }
    }

    /// Runs one query. Returns its results as they are told to the model.
    async fn run(&self, look: &Look, card: &Answer, progress: &mut Progress) -> String {
        let (id, title) = (format!("look-{}", progress.queries), look.told());
        let started = Instant::now();
        self.report((&id, &title), StepStatus::InProgress, (None, None));
        let found = match look.query {
            LookFor::AskServer => self.ask_server(look, progress).await.map(|item| vec![item]),
            _ => self.read(look).await,
        };
        let took = Some(elapsed_ms(started));
        match found {
            Err(why) => {
                self.report((&id, &title), StepStatus::Error, (Some(why.clone()), took));
                format!("{title}: {why}\n")
            }
            Ok(candidates) => {
                let detail = format!("{} items", candidates.len());
                self.report((&id, &title), StepStatus::Complete, (Some(detail), took));
                let mut text = format!("{title}:\n");
                for candidate in candidates {
                    let id = progress.bundle.extend(&card.answer_id, candidate);
                    let item = progress.bundle.items.iter().find(|item| item.id == id);
                    let Some(item) = item else { continue };
                    (self.emit)(AnswerEvent::Evidence(item.clone()));
                    text.push_str(&explain::render(item));
                }
                truncate_to_tokens(&text, RESULT_TOKENS_MAX).to_owned()
            }
        }
    }

    /// Runs a query that the stores answer.
    async fn read(&self, look: &Look) -> Result<Vec<Candidate>, String> {
        let (source, plan) = (self.source.clone(), self.facts.plan.clone());
        let (asked, services) = (look.clone(), self.facts.known.clone());
        let work = move || {
            let stores = Stores { source: &source, plan: &plan, services: &services };
            retrieve::look(stores, &asked)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| Err("the query stopped unexpectedly".to_owned()))
    }

    /// Runs a query that another system answers. One that fails is a gap.
    async fn ask_server(&self, look: &Look, progress: &mut Progress) -> Result<Candidate, String> {
        let asking = neighbours::ask(self.neighbours, &progress.offer, look, self.tools.masker);
        let answered = tokio::select! {
            answered = asking => answered,
            () = self.cancel.cancelled() => Err(Unanswered::wrong("stopped")),
        };
        answered.map_err(|Unanswered { why, gap }| {
            progress.offer.gaps.extend(gap.map(Gap::unfixable));
            why
        })
    }

    /// Takes the account if most of it holds; asks for another one, once, if not.
    fn accept(
        &self,
        told: explain::Told,
        card: &Answer,
        measurer: &Measurer<'_>,
        progress: &mut Progress,
    ) -> Next {
        let total = told.claims.len();
        let shown = Shown { question: self.question, items: &progress.bundle.items, measurer };
        match judge(told, self.facts, card, &shown) {
            Ok(told) => Next::Done(Box::new(told)),
            Err(struck) if !progress.repaired => {
                progress.repaired = true;
                self.did_not_hold(&struck)
            }
            Err(struck) => Next::GiveUp(format!(
                "the model's account did not hold ({} of {total} sentences cut)",
                struck.len()
            )),
        }
    }

    /// Asks for a second and last attempt.
    fn did_not_hold(&self, struck: &[Struck]) -> Next {
        let list: String =
            struck.iter().map(|cut| format!("- {} ({})\n", cut.text, cut.why)).collect();
        match self.tools.masker.mask_text(&list) {
            Ok(masked) => Next::Say(format!("{DID_NOT_HOLD}\n{}", fenced("struck", &masked))),
            Err(_) => Next::GiveUp("the model's account did not hold".to_owned()),
        }
    }

    /// What it cost goes into the answer, whoever told it.
    fn account(&self, answer: &mut Answer, progress: &Progress, record: &Record) {
        answer.receipt.in_prompt = progress.in_prompt;
        let Some(last) = record.exchanges.last() else { return };
        let tokens = |count: usize| u32::try_from(count).ok();
        let hash: String = last.prompt_hash.chars().take(HASH_SHOWN).collect();
        answer.usage = Usage {
            model: Some(last.model.clone()),
            input_tokens: tokens(progress.tokens.0),
            output_tokens: tokens(progress.tokens.1),
            cost: self.tools.limits.cost(progress.tokens.0, progress.tokens.1),
            prompt: Some(format!("{} {hash}", last.prompt)),
            queries: progress.queries,
            ms: answer.usage.ms,
        };
    }

    /// Shows how a step stands: what it came to and how many milliseconds it took, once it is done.
    fn report(
        &self,
        (id, title): (&str, &str),
        status: StepStatus,
        (detail, ms): (Option<String>, Option<u64>),
    ) {
        (self.emit)(AnswerEvent::Step(Step {
            id: id.to_owned(),
            title: title.to_owned(),
            status,
            detail,
            ms,
        }));
    }
}

/// What a model was shown, and how what it says of it is measured again.
pub(super) struct Shown<'a> {
    pub(super) question: &'a Question,
    /// The items that it can cite.
    pub(super) items: &'a [Evidence],
    pub(super) measurer: &'a Measurer<'a>,
}

impl Shown<'_> {
    /// The words that a model may use as its own.
    fn wording(&self, facts: &Facts) -> Wording {
        let draft = &facts.draft;
        let sentences = draft.claims.iter().chain(&draft.ruled_out).chain([&draft.headline]);
        let told = sentences.map(|sentence| sentence.text.as_str());
        let suspects = draft.hypotheses.iter().map(|suspect| suspect.title.as_str());
        let names = facts.known.iter().map(String::as_str);
        let own: Vec<&str> = told.chain(suspects).chain(names).collect();
        Wording::of(self.items, &own, &self.question.text)
    }

    fn grounds<'b>(&'b self, facts: &'b Facts, wording: &'b Wording) -> Grounds<'b> {
        Grounds {
            evidence: self.items,
            known: &facts.known,
            measurer: self.measurer,
            wording: Some(wording),
        }
    }
}

/// What an account by a model comes to: the answer with what holds of it, and what was struck.
///
/// # Errors
/// What was struck, when too little holds to take it at all.
pub(super) fn judge(
    mut told: explain::Told,
    facts: &Facts,
    card: &Answer,
    shown: &Shown<'_>,
) -> Result<(Answer, Vec<Struck>), Vec<Struck>> {
    let total = told.claims.len();
    let wording = shown.wording(facts);
    // What cites nothing cannot be checked, so it may say nothing that a log line or a page said first.
    told.next.retain(|text| wording.is_clean(text));
    told.unknowns.retain(|text| wording.is_clean(text));
    let mut draft = explain::draft_of(told, &facts.draft);
    let grounds = shown.grounds(facts, &wording);
    let headline = grounds.judge(draft.headline.clone());
    if matches!(headline.support, Support::Refuted(_)) || !wording.is_clean(&draft.headline.text) {
        draft.headline = facts.draft.headline.clone();
    }
    let mut answer = card.clone();
    answer.evidence = shown.items.to_vec();
    answer.receipt.items = answer.evidence.len() as u64;
    let struck = verify::verify(draft, &grounds, &mut answer);
    let any_holds = answer.claims.iter().any(|claim| claim.status == ClaimStatus::Verified);
    if !any_holds || 2 * struck.len() > total {
        return Err(struck);
    }
    if !struck.is_empty() {
        answer.notice = Some(format!(
            "{} of {total} sentences of the model did not hold and were cut",
            struck.len()
        ));
    }
    Ok((answer, struck))
}

/// A reply that is no account: asked for once more, unless it repeats what it was told.
fn not_the_form(text: &str, request: &ChatRequest, progress: &mut Progress) -> Next {
    if progress.repaired || text.lines().any(|line| request.is_instruction(line)) {
        return Next::GiveUp("the model did not answer in the form it was asked for".to_owned());
    }
    progress.repaired = true;
    Next::Say(NOT_THE_FORM.to_owned())
}
