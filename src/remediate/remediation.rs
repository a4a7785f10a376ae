//! What surfaces hold: everything that may be asked about actions, and the one door to having one done.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_store::{AuditHead, ProposalStep, StateDb, Store, StoredProposal};
use groundcrew_telemetry::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use super::audit::{self, AuditEntry};
use super::carry_out::{Approved, Report, carry_out};
use super::declared::{Actuator, Catalogue};
use super::propose::{self, Grounds, Made, Wanted};
use super::view::{Course, Proposal, ProposalState, Read};
use super::{Principal, Refused, afterwards, stale};
use crate::config::{ActionsSettings, Settings};
use crate::investigate::answer::Answer;

/// Proposals that are listed.
const LISTED_MAX: u32 = 100;
/// How long after a webhook's own deadline an approved action counts as lost.
const LOST_AFTER_SECS: i64 = 15;
/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Actions: declared, proposed, approved, done, checked. Cheap to clone. Several processes may work on one state.
#[derive(Clone)]
pub struct Remediation {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    settings: ActionsSettings,
    /// Where heads of the audit trail are written down.
    heads: PathBuf,
}

impl Remediation {
    /// Works on the state of `store`, which must be one that may be written.
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, settings: &Settings) -> Self {
        let heads = audit::heads_file(settings);
        let settings = settings.actions.clone();
        Self { inner: Arc::new(Inner { store, clock, settings, heads }) }
    }

    /// Whether anybody named runbooks that may declare actions. Where nobody did, nothing is ever proposed.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.inner.settings.runbooks.is_empty()
    }

    /// All that is declared.
    ///
    /// # Errors
    /// When nothing may be declared.
    pub async fn catalogue(&self) -> Result<Catalogue, Refused> {
        self.blocking(|inner| inner.catalogue()).await
    }

    /// The one proposal under an answer, made now if it was not before; `None` where there is nothing to propose.
    ///
    /// # Errors
    /// When the state or the telemetry cannot be read.
    pub async fn of_answer(&self, answer_id: &str) -> Result<Option<Proposal>, Refused> {
        if !self.is_configured() {
            return Ok(None);
        }
        let answer_id = answer_id.to_owned();
        self.blocking(move |inner| inner.of_answer(&answer_id)).await
    }

    /// Proposes what a person or program asks for. Nothing is done by that.
    ///
    /// # Errors
    /// When it is not declared, or an argument is outside its set.
    pub async fn propose(&self, wanted: Wanted) -> Result<Proposal, Refused> {
        self.blocking(move |inner| {
            let catalogue = inner.catalogue()?;
            let made = propose::asked(&inner.grounds(&catalogue), &wanted)?;
            let id =
                inner.keep(&made)?.ok_or_else(|| Refused::Bug("it exists already".to_owned()))?;
            inner.shown(&id)
        })
        .await
    }

    /// The proposal of that name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, id: &str) -> Result<Proposal, Refused> {
        let id = id.to_owned();
        self.blocking(move |inner| inner.shown(&id)).await
    }

    /// The latest proposals, newest first. One that cannot be read is left out.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn latest(&self) -> Result<Vec<Proposal>, Refused> {
        self.blocking(|inner| {
            let now = inner.clock.now();
            let stored = inner.state().proposals(LISTED_MAX)?.into_iter();
            Ok(stored.filter_map(|one| Read::of(one).ok()).map(|read| read.shown(now)).collect())
        })
        .await
    }

    /// Approves exactly the plan with this hash, and has it done, once. Returns when it is known what came of it.
    ///
    /// # Errors
    /// When it is not theirs to approve, stale, or decided already; then nothing is done.
    pub async fn approve(&self, id: &str, hash: &str, by: Principal) -> Result<Proposal, Refused> {
        let (of, shown_hash, who) = (id.to_owned(), hash.to_owned(), by.clone());
        let approved = self.blocking(move |inner| inner.take(&of, &shown_hash, &who)).await?;
        // Whoever approved may go away meanwhile; what was begun is not left half done.
        let this = self.clone();
        let ending = tokio::spawn(async move {
            let (read, at) = (&approved.read, approved.at);
            let stored = &read.stored;
            let order =
                Approved { plan: &read.plan, text: &stored.plan, hash: &stored.hash, by: &by, at };
            let report = carry_out(&this.inner.settings, &order).await;
            this.blocking(move |inner| inner.end(approved.read, &report)).await
        });
        match ending.await {
            Ok(ended) => ended?,
            Err(error) => return Err(Refused::Bug(format!("the task that acts died: {error}"))),
        }
        self.get(id).await
    }

    /// Declines a proposal, so that nobody has to think about it again.
    ///
    /// # Errors
    /// When it is decided already, or no person says so.
    pub async fn decline(&self, id: &str, by: Principal) -> Result<Proposal, Refused> {
        let id = id.to_owned();
        self.blocking(move |inner| inner.decline(&id, &by)).await
    }

    /// Waits until nothing more becomes of a proposal by itself.
    ///
    /// # Errors
    /// When there is none.
    pub async fn settled(&self, id: &str) -> Result<Proposal, Refused> {
        loop {
            self.look_after().await;
            let proposal = self.get(id).await?;
            if proposal.is_settled() {
                return Ok(proposal);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Does what is due: measures whether actions helped, and says of those that a dead process had begun that what came
    /// of them is not known.
    pub async fn look_after(&self) {
        let looked = self.blocking(|inner| {
            let now = inner.clock.now();
            for stored in inner.state().due_proposals(now)? {
                inner.attend(stored, now)?;
            }
            Ok(())
        });
        if let Err(error) = looked.await {
            tracing::warn!(%error, "what is due about actions could not be done; it is tried again");
        }
    }

    /// Looks after proposals until the shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.look_after().await,
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Where the audit trail ends, to be written down elsewhere.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn audit_head(&self) -> Result<AuditHead, Refused> {
        self.blocking(|inner| Ok(inner.state().audit_head()?)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .unwrap_or_else(|error| Err(Refused::Bug(format!("the task that reads died: {error}"))))
    }
}

/// A proposal that is approved and not done yet.
struct Taken {
    read: Read,
    at: Timestamp,
}

impl Inner {
    fn state(&self) -> &StateDb {
        self.store.state()
    }

    fn catalogue(&self) -> Result<Catalogue, Refused> {
        let directories = &self.settings.runbooks;
        if directories.is_empty() {
            return Err(Refused::NotConfigured);
        }
        Ok(Catalogue::read(directories))
    }

    fn grounds<'a>(&'a self, catalogue: &'a Catalogue) -> Grounds<'a> {
        let (settings, now) = (&self.settings, self.clock.now());
        Grounds { store: &self.store, settings, catalogue, now }
    }

    fn read(&self, id: &str) -> Result<Read, Refused> {
        let unknown = || Refused::NoSuchProposal(crate::text::visible(id));
        Read::of(self.state().proposal(id)?.ok_or_else(unknown)?)
    }

    fn shown(&self, id: &str) -> Result<Proposal, Refused> {
        Ok(self.read(id)?.shown(self.clock.now()))
    }

    /// Stores a proposal; its id, or `None` when its answer has one already.
    fn keep(&self, made: &Made) -> Result<Option<String>, Refused> {
        let kept = self.state().put_proposal(&made.stored, &made.entry.json())?;
        Ok(kept.map(|head| {
            self.export(&head, made.stored.at);
            made.stored.id.clone()
        }))
    }

    fn export(&self, head: &AuditHead, at: Timestamp) {
        audit::export(head, at, &self.heads);
    }

    fn of_answer(&self, answer_id: &str) -> Result<Option<Proposal>, Refused> {
        let existing = || {
            let stored = self.state().proposal_of_answer(answer_id)?;
            stored.map(|stored| Ok(Read::of(stored)?.shown(self.clock.now()))).transpose()
        };
        if let Some(proposal) = existing()? {
            return Ok(Some(proposal));
        }
        let Some(json) = self.state().answer(answer_id)? else {
            return Err(Refused::NoSuchAnswer(crate::text::visible(answer_id)));
        };
        let answer: Answer = serde_json::from_str(&json)
            .map_err(|error| Refused::Bug(format!("the stored answer cannot be read: {error}")))?;
        let catalogue = self.catalogue()?;
        let Some(made) = propose::for_answer(&self.grounds(&catalogue), &answer)? else {
            return Ok(None);
        };
        self.keep(&made)?;
        existing()
    }

    /// Takes the approval: after this, whatever happens, the plan is not taken again.
    fn take(&self, id: &str, shown_hash: &str, by: &Principal) -> Result<Taken, Refused> {
        let read = self.read(id)?;
        if read.state != ProposalState::Open {
            let standing = read.shown(self.clock.now()).standing();
            return Err(Refused::Decided(format!("it is decided already: {standing}")));
        }
        let catalogue = self.catalogue()?;
        let grounds = self.grounds(&catalogue);
        let allowed =
            self.may_approve(&read, by).and_then(|()| stale::check(&grounds, &read, shown_hash));
        if let Err(refused) = allowed {
            let (why, _) = refused.parts();
            let hash = crate::investigate::evidence::shorten(shown_hash, 64);
            let entry = AuditEntry::Refused { proposal: id.to_owned(), by: by.clone(), hash, why };
            let head = self.state().append_audit(grounds.now, &entry.json())?;
            self.export(&head, grounds.now);
            return Err(refused);
        }
        let at = grounds.now;
        let seconds = match &read.plan.actuator {
            Actuator::DryRun => 0,
            Actuator::Webhook(name) => {
                self.settings.webhook(name).map_or(0, |webhook| webhook.timeout_secs)
            }
        };
        let seconds = i64::try_from(seconds).unwrap_or(0);
        let course =
            Course { decided_by: Some(by.words()), decided_at: Some(at), ..Course::default() };
        let hash = read.stored.hash.clone();
        let entry = AuditEntry::Approved { proposal: id.to_owned(), by: by.clone(), hash };
        // It is looked for whoever dies in between.
        let due = Some(at.plus_secs(seconds + LOST_AFTER_SECS));
        let step = Step { to: ProposalState::Acting, due, course: &course, entry };
        if !self.step(&read, at, &step)? {
            let standing = self.shown(id)?.standing();
            return Err(Refused::Decided(format!("it was decided meanwhile: {standing}")));
        }
        let stored = StoredProposal { due, ..read.stored };
        Ok(Taken { read: Read { stored, course, state: ProposalState::Acting, ..read }, at })
    }

    fn may_approve(&self, read: &Read, by: &Principal) -> Result<(), Refused> {
        let settings = &self.settings;
        let Some(name) = by.person() else {
            return Err(Refused::NotTheirs("only a person approves".to_owned()));
        };
        let is_named = settings.approvers.iter().any(|one| one.eq_ignore_ascii_case(name));
        if !settings.approvers.is_empty() && !is_named {
            return Err(Refused::NotTheirs(format!(
                "{} is not among actions.approvers",
                by.words()
            )));
        }
        if settings.two_people && read.about.by.is_same_person(by) {
            return Err(Refused::NotTheirs(
                "whoever proposed it may not approve it (actions.two_people)".to_owned(),
            ));
        }
        Ok(())
    }

    fn step(&self, read: &Read, at: Timestamp, step: &Step<'_>) -> Result<bool, Refused> {
        let course = serde_json::to_string(step.course)
            .map_err(|error| Refused::Bug(format!("the course cannot be written: {error}")))?;
        let taken = self.state().step_proposal(
            &read.stored.id,
            &ProposalStep {
                from: read.state.name(),
                was_due: read.stored.due,
                to: step.to.name(),
                hash: &read.stored.hash,
                at,
                also_when_expired: read.state != ProposalState::Open,
                due: step.due,
                course: &course,
                entry: &step.entry.json(),
            },
        )?;
        if let Some(head) = &taken {
            self.export(head, at);
        }
        Ok(taken.is_some())
    }

    fn decline(&self, id: &str, by: &Principal) -> Result<Proposal, Refused> {
        if by.person().is_none() {
            return Err(Refused::NotTheirs("only a person declines".to_owned()));
        }
        let (read, at) = (self.read(id)?, self.clock.now());
        let course =
            Course { decided_by: Some(by.words()), decided_at: Some(at), ..Course::default() };
        let entry = AuditEntry::Declined { proposal: id.to_owned(), by: by.clone() };
        let step = Step { to: ProposalState::Declined, due: None, course: &course, entry };
        if read.state != ProposalState::Open || !self.step(&read, at, &step)? {
            let standing = self.shown(id)?.standing();
            return Err(Refused::Decided(format!("it cannot be declined: {standing}")));
        }
        self.shown(id)
    }

    /// Writes down what came of doing it.
    fn end(&self, read: Read, report: &Report) -> Result<(), Refused> {
        let at = self.clock.now();
        let check = read.plan.check.as_ref().filter(|_| {
            report.state == ProposalState::Done && read.plan.actuator != Actuator::DryRun
        });
        let check_at = check.map(|check| {
            let seconds = check.after_secs.saturating_add(check.over_secs);
            at.plus_secs(i64::try_from(seconds).unwrap_or(0))
        });
        let course =
            Course { outcome: Some(report.outcome.clone()), check_at, ..read.course.clone() };
        let entry = AuditEntry::Ended {
            proposal: read.stored.id.clone(),
            state: report.state.name().to_owned(),
            outcome: report.outcome.clone(),
        };
        let step = Step { to: report.state, due: check_at, course: &course, entry };
        if !self.step(&read, at, &step)? {
            tracing::warn!(
                proposal = read.stored.id,
                outcome = report.outcome,
                "what came of an action is known after it was given up as lost"
            );
        }
        Ok(())
    }

    /// Does what is due about one proposal.
    fn attend(&self, stored: StoredProposal, now: Timestamp) -> Result<(), Refused> {
        let id = stored.id.clone();
        let read = match Read::of(stored) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(%error, proposal = id, "a proposal that something is due about");
                return Ok(());
            }
        };
        let check = read.plan.check.as_ref();
        let (to, course, entry) = match (read.state, check) {
            (ProposalState::Acting, _) => {
                let outcome = "the process that had begun it ended".to_owned();
                let course = Course { outcome: Some(outcome.clone()), ..read.course.clone() };
                let state = ProposalState::Unknown;
                let entry =
                    AuditEntry::Ended { proposal: id, state: state.name().to_owned(), outcome };
                (state, course, entry)
            }
            (ProposalState::Done, Some(check)) => {
                let end = read.course.check_at.unwrap_or(now);
                let found = afterwards::measured(&self.store, check, end);
                let (helped, measured) = (found.helped(check), found.words());
                let course = Course {
                    helped: Some(helped),
                    measured: Some(measured.clone()),
                    ..read.course.clone()
                };
                (
                    ProposalState::Done,
                    course,
                    AuditEntry::Checked { proposal: id, helped, measured },
                )
            }
            _ => return Ok(()),
        };
        // Another process may have done it meanwhile, which is as well.
        self.step(&read, now, &Step { to, due: None, course: &course, entry }).map(drop)
    }
}

/// Where a proposal goes from where it is.
struct Step<'a> {
    to: ProposalState,
    due: Option<Timestamp>,
    course: &'a Course,
    entry: AuditEntry,
}
