//! Alerts become incidents: each opens one or joins one, each incident is investigated once, at once, and everything
//! that tells people about incidents hears of it. [`Desk`].
//!
//! The answer is the facts card alone: nobody has asked yet, so no model is paid. Whoever then asks in the incident's
//! conversation goes on from it.

mod folding;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use groundcrew_store::{OpenedIncident, StateDb, StoreError};
use groundcrew_telemetry::{Alert, AlertStatus, Timestamp};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::investigate::RunIds;
use crate::investigate::answer::{Answer, Verdict};
use crate::investigate::question::{Budget, Question};
use crate::investigate::remembered::{CODE_CHARS, incident_code};
use crate::session::{AskError, Sessions};

/// Incidents held in memory: those that are open and those that were over lately.
const HELD_MAX: usize = 500;
/// Alerts of one incident that are kept apart; further ones are folded into its count of time alone.
const ALERTS_MAX: usize = 2_000;
/// Investigations at the same time. The rest of the server's room is for people who ask.
const ASKED_MAX: usize = 2;
/// How long to wait when the server is busy answering people.
const BUSY_WAIT: Duration = Duration::from_millis(300);
/// Pieces of news that a slow listener may be behind; past that it looks at everything again.
const NEWS_MAX: usize = 1_024;
/// Trouble begins before its alert, which waits for it to last.
const BEFORE_ALERT_SECS: i64 = 600;
/// Longest and shortest stretch that an alert's question looks back.
const LOOK_BACK_SECS: std::ops::RangeInclusive<i64> = 900..=7_200;
/// Longest title.
const TITLE_BYTES_MAX: usize = 160;

/// How an incident stands.
#[derive(Clone, Debug)]
pub struct Incident {
    /// What its alerts say.
    pub opened: OpenedIncident,
    /// What was found; `None` until then.
    pub answer: Option<Arc<Answer>>,
}

/// All incidents that alerts opened. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    sessions: Sessions,
    held: Mutex<Held>,
    /// Signals that an incident waits to be investigated.
    waits: Notify,
    news: broadcast::Sender<String>,
}

#[derive(Default)]
struct Held {
    /// Oldest first.
    incidents: Vec<Incident>,
    /// Codes of incidents to investigate.
    waiting: VecDeque<String>,
}

impl Held {
    fn of_code(&mut self, code: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|incident| incident.opened.code == code)
    }

    /// Moves the alerts of the incident `code` into an investigated one that explains it. Says into which.
    fn merge(&mut self, code: &str, now: Timestamp) -> Option<String> {
        let small = self.of_code(code)?.opened.clone();
        let into = self.incidents.iter_mut().find(|known| {
            known.answer.is_some() && folding::explains(&known.opened, &small, now)
        })?;
        folding::absorb(&mut into.opened, small);
        let into = into.opened.code.clone();
        self.incidents.retain(|incident| incident.opened.code != code);
        Some(into)
    }
}

impl Desk {
    /// The incidents of this store, as they were left.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn open(sessions: Sessions) -> Result<Self, StoreError> {
        let state = sessions.investigator().store.state();
        let mut held = Held::default();
        for opened in state.opened(HELD_MAX)?.into_iter().rev() {
            let answer = read_answer(state, &opened.answer_id);
            if answer.is_none() && opened.over_at.is_none() {
                held.waiting.push_back(opened.code.clone());
            }
            held.incidents.push(Incident { opened, answer });
        }
        let inner = Inner {
            sessions,
            held: Mutex::new(held),
            waits: Notify::new(),
            news: broadcast::Sender::new(NEWS_MAX),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The codes of incidents that were opened, joined, investigated or ended, as it happens.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<String> {
        self.inner.news.subscribe()
    }

    /// The incident with this code, if it is held.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<Incident> {
        let held = self.held();
        held.incidents.iter().find(|incident| incident.opened.code == code).cloned()
    }

    /// All incidents held, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Incident> {
        self.held().incidents.clone()
    }

    /// Takes alerts as they stand, which belong together if `group` names them. Blocks on the disk.
    ///
    /// # Errors
    /// When what they change cannot be stored; they should be sent again.
    pub fn hear(&self, alerts: &[Alert], group: Option<&str>) -> Result<(), StoreError> {
        let now = self.inner.sessions.now();
        let mut touched: BTreeMap<String, Vec<String>> = BTreeMap::new();
        {
            let mut held = self.held();
            for alert in alerts {
                let Some(position) = self.place(&mut held, alert, group, now) else { continue };
                let Some(incident) = held.incidents.get_mut(position) else { continue };
                folding::fold(&mut incident.opened, alert, now, ALERTS_MAX);
                let changed = touched.entry(incident.opened.code.clone()).or_default();
                changed.push(alert.fingerprint.clone());
            }
            // Once for each incident: a message may carry hundreds of alerts.
            for (code, changed) in &touched {
                if let Some(incident) = held.of_code(code) {
                    self.store(&mut incident.opened, changed)?;
                }
            }
        }
        self.inner.waits.notify_one();
        touched.into_keys().for_each(|code| self.tell(code));
        Ok(())
    }

    /// The incident that an alert belongs to, opened if need be; `None` for one that is no reason to open any.
    fn place(
        &self,
        held: &mut Held,
        alert: &Alert,
        group: Option<&str>,
        now: Timestamp,
    ) -> Option<usize> {
        let belongs = |incident: &Incident| folding::belongs(&incident.opened, alert, group, now);
        if let Some(position) = held.incidents.iter().rposition(belongs) {
            return Some(position);
        }
        if !folding::opens(alert) {
            return None;
        }
        let mut ids = RunIds::random();
        let code_of = |ids: &RunIds| -> String {
            incident_code(&ids.answer_id).chars().take(CODE_CHARS).collect()
        };
        while held.incidents.iter().any(|known| known.opened.code == code_of(&ids)) {
            ids = RunIds::random();
        }
        let code = code_of(&ids);
        let opened = OpenedIncident {
            conversation: format!("inc_{}", incident_code(&ids.answer_id)),
            title: title_of(alert),
            group: group.unwrap_or_default().to_owned(),
            opened_at: now,
            since: alert.starts_at,
            heard_at: now,
            code: code.clone(),
            answer_id: ids.answer_id,
            ..OpenedIncident::default()
        };
        if alert.status == AlertStatus::Firing || alert.ends_at == Some(now) {
            held.waiting.push_back(code);
        }
        held.incidents.push(Incident { opened, answer: None });
        if held.incidents.len() > HELD_MAX {
            held.incidents.remove(0);
        }
        Some(held.incidents.len() - 1)
    }

    /// Masks an incident and stores it, with those alerts that changed.
    fn store(&self, opened: &mut OpenedIncident, changed: &[String]) -> Result<(), StoreError> {
        let investigator = self.inner.sessions.investigator();
        let mask = |opened: &OpenedIncident| {
            investigator.masker.mask(opened.clone(), |opened, visit| {
                opened.for_each_text_mut(visit);
            })
        };
        let masked = mask(opened).or_else(|_| {
            // It is told all the same, without the words that nobody could vouch for.
            "an alert whose words could not be masked".clone_into(&mut opened.title);
            opened.group.clear();
            opened.alerts.iter_mut().for_each(|alert| alert.name.clear());
            mask(opened)
        });
        match masked {
            Ok(masked) => {
                investigator.store.state().put_opened(&masked, changed)?;
                *opened = masked.into_inner();
            }
            Err(_) => tracing::error!(code = opened.code, "an incident could not be masked"),
        }
        Ok(())
    }

    /// Investigates what waits, for as long as the server runs.
    pub async fn run(self, shutdown: CancellationToken) {
        let workers = (0..ASKED_MAX).map(|_| self.clone().work());
        tokio::select! {
            _ = futures_util::future::join_all(workers) => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn work(self) {
        loop {
            let woken = self.inner.waits.notified();
            match self.next() {
                Some(code) => {
                    self.investigate(&code).await;
                    // Another may wait that was told of while all were busy.
                    self.inner.waits.notify_one();
                }
                None => woken.await,
            }
        }
    }

    /// The next incident to investigate, after those that turn out to belong to one that was: then nothing is asked twice.
    fn next(&self) -> Option<String> {
        let mut merged: Vec<(String, String)> = Vec::new();
        let next = {
            let mut held = self.held();
            loop {
                let Some(code) = held.waiting.pop_front() else { break None };
                match held.merge(&code, self.inner.sessions.now()) {
                    Some(into) => merged.push((code, into)),
                    None => break Some(code),
                }
            }
        };
        for (code, into) in merged {
            self.keep_merged(&code, &into);
            self.tell(into);
        }
        next
    }

    fn keep_merged(&self, code: &str, into: &str) {
        let kept = (|| {
            let mut held = self.held();
            if let Some(incident) = held.of_code(into) {
                let all: Vec<String> =
                    incident.opened.alerts.iter().map(|alert| alert.fingerprint.clone()).collect();
                self.store(&mut incident.opened, &all)?;
            }
            self.inner.sessions.investigator().store.state().remove_opened(code)
        })();
        if let Err(error) = kept {
            tracing::warn!(%error, "an incident that belongs to another could not be stored so");
        }
    }

    /// Asks what caused an incident and keeps what came out.
    async fn investigate(&self, code: &str) {
        let Some(Incident { opened, .. }) = self.get(code) else { return };
        let sessions = &self.inner.sessions;
        let known = sessions.investigator().store.coverage().unwrap_or_default().services;
        let question = question_of(&opened, &known, sessions.now());
        let Some(ids) = RunIds::of_answer(&opened.answer_id) else { return };
        let Ok(conversation) = sessions.open(Some(&opened.conversation)) else { return };
        loop {
            match sessions.ask_as(&conversation, code, question.clone(), ids.clone()) {
                Ok(_) => break,
                Err(AskError::Busy(_)) => tokio::time::sleep(BUSY_WAIT).await,
                Err(error) => {
                    tracing::warn!(%error, code, "an incident could not be investigated");
                    return;
                }
            }
        }
        conversation.ended(&ids.run_id).await;
        let (state, id) = (Arc::clone(&sessions.investigator().store), opened.answer_id);
        let read = tokio::task::spawn_blocking(move || read_answer(state.state(), &id)).await;
        let answer = read.ok().flatten();
        {
            let mut held = self.held();
            let Some(incident) = held.of_code(code) else { return };
            for service in answer.as_deref().map(services_of).into_iter().flatten() {
                if !incident.opened.services.contains(&service) {
                    incident.opened.services.push(service);
                }
            }
            incident.answer = answer;
            if let Err(error) = self.store(&mut incident.opened, &[]) {
                tracing::warn!(%error, code, "what an incident's investigation found could not be stored with it");
            }
        }
        self.tell(code.to_owned());
    }

    fn tell(&self, code: String) {
        // Nobody may listen, which is no fault.
        if self.inner.news.send(code).is_err() {
            tracing::trace!("nobody listens for incidents");
        }
    }

    /// Plain values, each change to which is a whole one, so a panic elsewhere cannot have torn them.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_answer(state: &StateDb, id: &str) -> Option<Arc<Answer>> {
    let json = state.answer(id).ok().flatten()?;
    serde_json::from_str(&json).ok().map(Arc::new)
}

/// What an incident's first alert asks. A service that telemetry does not know is what a monitor calls something, and no
/// reason to look at nothing else.
fn question_of(opened: &OpenedIncident, known: &[String], now: Timestamp) -> Question {
    let age = now.nanos_since(opened.since) / 1_000_000_000 + BEFORE_ALERT_SECS;
    let back = age.clamp(*LOOK_BACK_SECS.start(), *LOOK_BACK_SECS.end());
    let mut question = Question::new(format!("why? {}", opened.title), now);
    question.since = Some(Duration::from_secs(back.unsigned_abs()));
    let is_known = |name: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    question.services = opened.services.iter().filter(is_known).cloned().collect();
    question.budget = Budget { facts_only: true, ..Budget::default() };
    question
}

/// The services that suffer, and the one that is suspected.
fn services_of(answer: &Answer) -> Vec<String> {
    let mut services = answer.impact.services.clone();
    if answer.verdict == Verdict::LikelyCause {
        services.extend(answer.hypotheses.first().map(|suspect| suspect.subject.clone()));
    }
    services
}

/// What an alert says, in one line.
fn title_of(alert: &Alert) -> String {
    let name = alert.name.lines().next().unwrap_or_default().trim();
    let text = alert.text.lines().next().unwrap_or_default().trim();
    let mut title = match (name.is_empty(), text.is_empty() || text == name) {
        (_, true) => name.to_owned(),
        (true, false) => text.to_owned(),
        (false, false) => format!("{name}: {text}"),
    };
    title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
    title
}
