//! Random work on a simulated disk that fails, by seed: what was acknowledged is there, once; what was never sent is not.
//!
//! A hundred and fifty seeds run with every other test; `GROUNDCREW_SIM_SEEDS=10000` runs as many, and
//! `GROUNDCREW_SIM_FIRST=17` begins at a seed that failed; `GROUNDCREW_SIM_TRACE=1` shows the steps. All files of the
//! store are on the simulated disk, but documents and state. Runs of odd seeds are wide: they have logs, too, and days
//! go by, so that what is old is thinned, in some traces too, dropped and, in some, moved to a bucket. In every eleventh what
//! must be durable comes as messages of a stream.

mod streams;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use groundcrew_telemetry::{Batch, SystemClock, TemplateId, TimeRange, Timestamp};

use super::aging::{DAY, SetClock};
use super::fixtures::{TINY, any_logs, any_metrics, any_spans, any_templates, at, bucket, trace};
use super::simulated_load::{WORDS, batch, has_failed};
use crate::disk::simulated::{Dice, Faults, SimulatedDisk};
use crate::pace::Pace;
use crate::store::join::Joining;
use crate::{
    Access, Durability, Expression, LogQuery, ResendKey, Retention, SpanQuery, Store, StoreError,
    StoreOptions, TailSampling, Tended, Upkeep,
};

/// How late what was sent is sent again, in things that were sent since.
const LATE_MAX: usize = 20;
const STEPS: usize = 70;
const START: i64 = 1_700_000_000;
/// Seeds that failed once, by faults that are mended.
const FAILED_ONCE: [u64; 3] = [4228, 8696, 700_261];
/// Days that spans, metrics, changes and logs are kept.
const DAYS_KEPT: [u64; 4] = [2, 3, 3, 2];
/// Days that all traces are kept, where old ones are thinned.
const DAYS_WHOLE: i64 = 1;

/// What is known of the work so far.
#[derive(Default, Debug)]
struct Model {
    /// Acknowledged as being on the disk.
    acknowledged: BTreeSet<u64>,
    /// Acknowledged as handed to the kernel; on the disk at the next flush at the latest.
    written: BTreeSet<u64>,
    /// On the disk at the next flush, and nowhere but in memory before.
    in_memory: BTreeSet<u64>,
    /// Refused, or not durable when the power went: may be there or not.
    uncertain: BTreeSet<u64>,
    next: u64,
    /// Whether a byte was changed: then things may be missing, with a warning.
    has_rot: bool,
    /// Whether what is old may have gone.
    has_aged: bool,
}

impl Model {
    fn flushed(&mut self) {
        self.acknowledged.append(&mut self.written);
        self.acknowledged.append(&mut self.in_memory);
    }
}

struct Run {
    seed: u64,
    dice: Dice,
    disk: Arc<SimulatedDisk>,
    store: Option<Store>,
    model: Model,
    /// The simulated clock.
    now: Timestamp,
    faults: Faults,
    /// What became of splits.
    tended: Tended,
    /// When each batch of a wide run was sent first.
    times: Vec<Timestamp>,
    clock: SetClock,
    bucket: Option<tempfile::TempDir>,
    /// What came as messages of a stream and was acknowledged.
    streamed: BTreeSet<u64>,
}

fn key(number: u64) -> ResendKey {
    ResendKey::of("", "test", &number.to_le_bytes())
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        // A third of the runs fail in nothing but power.
        let mut chance =
            |max: usize| if seed.is_multiple_of(3) { 0 } else { dice.below(max) as u32 };
        let faults =
            Faults { sync: chance(60), write: chance(30), full: chance(60), name: chance(30) };
        let disk = SimulatedDisk::new(dice.roll(), Faults::default());
        let mut run = Self {
            seed,
            dice,
            disk,
            store: None,
            model: Model::default(),
            now: Timestamp::from_secs(START),
            faults,
            tended: Tended::default(),
            times: Vec::new(),
            clock: SetClock(Arc::new(AtomicI64::new(0))),
            bucket: (seed % 10 == 3).then(|| tempfile::tempdir().unwrap()),
            streamed: BTreeSet::new(),
        };
        run.reopen();
        run
    }

    fn is_wide(&self) -> bool {
        self.seed % 2 == 1
    }

    /// Whether old traces are thinned, all but the failed ones.
    fn thins_traces(&self) -> bool {
        self.seed % 6 == 1
    }

    fn kind_of(&self, number: u64) -> u64 {
        number % if self.is_wide() { 4 } else { 3 }
    }

    fn batch(&self, number: u64) -> groundcrew_masking::Masked<Batch> {
        let kind = self.kind_of(number);
        let time = match self.times.get(number as usize) {
            Some(time) => *time,
            None if kind == 1 => at(1),
            // Now and then a day is over: only then are few splits merged.
            None => at((number + number / 12 * 2 * DAY as u64) as i64),
        };
        batch(kind, number, time)
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Opens what is on the disk; the disk does not fail meanwhile.
    fn reopen(&mut self) {
        self.store = None;
        self.model.uncertain.append(&mut self.model.in_memory);
        if self.faults.sync > 0 {
            // A sync that failed has cut the log behind what was synced; only memory had the rest.
            self.model.uncertain.append(&mut self.model.written);
        }
        self.disk.set_faults(Faults::default());
        let options = StoreOptions {
            dir: self.disk.path().join("store"),
            access: Access::ReadWrite,
            memory_bytes_max: TINY,
        };
        let clock: Box<dyn groundcrew_telemetry::Clock> =
            if self.is_wide() { Box::new(self.clock.clone()) } else { Box::new(SystemClock) };
        let opened = Store::open_with(options, clock, Access::ReadOnly);
        let store = opened.unwrap_or_else(|error| panic!("seed {}: {error:?}", self.seed));
        if let Some(dir) = &self.bucket {
            store.use_bucket(bucket(dir.path()));
        }
        self.store = Some(store);
        self.check();
        self.disk.set_faults(self.faults);
    }

    fn step(&mut self) {
        self.now = self.now.plus_nanos(self.dice.below(20_000_000_000) as i64);
        if self.is_wide() {
            // A clock that jumps far is not believed, and then no trace is thinned.
            let (one_in, hours) = if self.thins_traces() { (2, 6) } else { (4, 18) };
            if self.dice.below(one_in) == 0 {
                self.now = self.now.plus_secs(self.dice.below(hours * 3_600) as i64);
            }
            let seconds = self.now.nanos_since(at(0)) / 1_000_000_000;
            self.clock.0.store(seconds, Ordering::SeqCst);
        }
        match self.dice.below(100) {
            0..55 => self.send(),
            55..63 => self.send_again(),
            63..68 => {
                let texts = [(TemplateId(self.dice.below(50) as u64), "text".repeat(9))];
                // Texts may be refused like everything else.
                drop(self.store().put_templates(&texts));
            }
            68..81 => {
                self.flush();
                if self.thins_traces() {
                    self.tend();
                }
            }
            81..84 => self.tend(),
            84..88 => self.check(),
            88..91 => self.reopen(),
            91..93 => {
                self.disk = self.disk.after_kill();
                self.reopen();
            }
            93..98 => self.cut_power(),
            98 => {
                // The clock is set, by up to an hour either way.
                let seconds = self.dice.below(7_200) as i64 - 3_600;
                self.now = self.now.plus_secs(seconds);
            }
            _ if self.seed % 5 == 1 && self.disk.rot(self.is_wide()) => {
                self.model.has_rot = true;
                if !self.is_wide() || self.dice.below(2) == 0 {
                    self.reopen();
                }
            }
            _ => {}
        }
    }

    fn flush(&mut self) {
        if self.store().flush().is_ok() {
            self.model.flushed();
        }
    }

    /// Small splits become one, on a disk that fails; what is stored stays the same, but for what is kept long enough.
    fn tend(&mut self) {
        let upkeep = if self.is_wide() { self.age() } else { Upkeep::default() };
        match self.store().tend(&upkeep, &|| false) {
            Ok(Tended { merged, thinned, sampled, removed, moved, bucket_failure, .. }) => {
                assert_eq!(bucket_failure, None, "seed {}", self.seed);
                self.tended.merged += merged;
                self.tended.thinned += thinned;
                self.tended.sampled += sampled;
                self.tended.removed += removed;
                self.tended.moved += moved;
            }
            Err(StoreError::Io { .. } | StoreError::Full { .. }) => {}
            Err(error) => panic!("seed {}: {error:?}", self.seed),
        }
        // Counts of so few lines are joined only when they have to be; with one seed in four they never are.
        if self.seed.is_multiple_of(4) {
            return;
        }
        let joining =
            Joining { splits: 2, gain_min: 1, full_bytes: 0, secs_per_split_max: i64::MAX };
        let joined = self.store().join_rollups(joining, &mut Pace::new(None, &|| false));
        self.tended.joined += joined;
    }

    /// What is older than it is kept may go from here on.
    fn age(&mut self) -> Upkeep {
        let days = |days: u64| Duration::from_secs(days * DAY as u64);
        let mut days_kept = DAYS_KEPT;
        if self.thins_traces() {
            // Else they are gone before they are thinned.
            days_kept[0] = 30;
        }
        let [traces, metrics, changes, logs] = days_kept.map(|kept| Some(days(kept)));
        let retention = Retention {
            logs,
            rollups: Some(days(4)),
            traces,
            metrics,
            changes,
            ..Retention::default()
        };
        let (now, times) = (self.now, &self.times);
        let (is_wide, thins) = (self.is_wide(), self.thins_traces());
        let may_go = |number: &u64| {
            let is_span = is_wide && number.is_multiple_of(4);
            let kept = match days_kept[*number as usize % days_kept.len()] as i64 * DAY {
                kept if is_span && thins && !has_failed(*number) => kept.min(DAYS_WHOLE * DAY),
                kept => kept,
            };
            times[*number as usize].plus_secs(kept) < now
        };
        let Model { acknowledged, written, in_memory, uncertain, has_aged, .. } = &mut self.model;
        *has_aged = true;
        for known in [acknowledged, written, in_memory] {
            uncertain.extend(known.extract_if(.., |number| may_go(number)));
        }
        let tail_sampling = TailSampling { after: days(DAYS_WHOLE as u64), even_spans_per_hour: 0 };
        Upkeep {
            retention,
            tail_sampling: thins.then_some(tail_sampling),
            merge_bytes_per_sec: None,
            cold_after: Some(days(1)),
        }
    }

    fn cut_power(&mut self) {
        self.model.uncertain.append(&mut self.model.written);
        self.disk = self.disk.after_power_cut();
        self.reopen();
    }

    fn send(&mut self) {
        let number = self.model.next;
        self.model.next += 1;
        if self.is_wide() {
            self.times.push(self.now);
        }
        let durability = [Durability::Synced, Durability::Written, Durability::OnFlush]
            [[0, 0, 0, 0, 1, 2][self.dice.below(6)]];
        let stored = match durability {
            Durability::Synced if self.has_stream() => self.store_message(number),
            Durability::Synced => {
                let claim = self.store().claim(key(number), self.now).unwrap();
                self.store().append_claimed(vec![self.batch(number)], durability, claim)
            }
            _ => self.store().append(vec![self.batch(number)], durability),
        };
        match (stored, durability) {
            (Ok(()), Durability::Synced) => self.model.acknowledged.insert(number),
            (Ok(()), Durability::Written) => self.model.written.insert(number),
            (Ok(()), Durability::OnFlush) => self.model.in_memory.insert(number),
            (Err(StoreError::Io { .. } | StoreError::Full { .. }), _) => {
                self.model.uncertain.insert(number)
            }
            (Err(error), _) => panic!("seed {}: {error:?}", self.seed),
        };
    }

    /// Sends something of late once more, as a sender does that missed the answer.
    fn send_again(&mut self) {
        let Some(number) = self.model.next.checked_sub(1 + self.dice.below(LATE_MAX) as u64) else {
            return;
        };
        if self.has_stream() {
            self.deliver_again(number);
            return;
        }
        let now = self.now;
        let Some(claim) = self.store().claim(key(number), now) else {
            // Known, so stored: with its data, whoever was told.
            if !self.model.has_rot {
                assert!(self.visible().contains(&number), "seed {}: {number}", self.seed);
                self.model.uncertain.remove(&number);
                self.model.acknowledged.insert(number);
            }
            return;
        };
        if self.visible().contains(&number) {
            // Stored without a key, or with one that was rotten or is too old: it would be doubled, and rightly so.
            return;
        }
        assert!(
            !self.model.acknowledged.contains(&number) || self.model.has_rot,
            "seed {}: {number} was acknowledged and is gone",
            self.seed
        );
        match self.store().append_claimed(vec![self.batch(number)], Durability::Synced, claim) {
            Ok(()) => {
                self.model.uncertain.remove(&number);
                self.model.acknowledged.insert(number);
            }
            Err(_) => {
                self.model.uncertain.insert(number);
            }
        }
    }

    /// What can be found, each as often as it is found. The disk does not fail meanwhile.
    fn found(&self) -> Vec<u64> {
        self.disk.set_faults(Faults::default());
        let store = self.store();
        let read = |query: &SpanQuery| store.spans(query).unwrap().rows;
        let spans = if self.thins_traces() {
            // All together would be shown by the share that is left of the oldest.
            let by_id = |number| SpanQuery { trace_id: Some(trace(number)), ..any_spans() };
            (0..self.model.next).flat_map(|number| read(&by_id(number))).collect()
        } else {
            read(&any_spans())
        };
        let metrics = store.metrics(&any_metrics()).unwrap();
        let changes = store.changes(TimeRange::ALL).unwrap();
        let names = spans.iter().map(|row| row.span.name.clone());
        let names = names.chain(metrics.iter().map(|row| row.series.name.clone()));
        let names = names.chain(changes.iter().map(|change| change.id.clone()));
        let mut found: Vec<u64> = names.map(|name| name.parse().unwrap()).collect();
        found.extend(self.found_logs());
        self.disk.set_faults(self.faults);
        found
    }

    /// The numbers of the logs that there are, found by their words and counted as well.
    fn found_logs(&self) -> Vec<u64> {
        let number_of = |body: &str| body.split(' ').nth(1).unwrap().parse::<u64>().unwrap();
        let search = |text: Expression| {
            let rows = self.store().search_logs(&LogQuery { text, ..any_logs() }).unwrap();
            rows.iter().map(|row| number_of(&row.record.body)).collect::<BTreeSet<u64>>()
        };
        let rows = self.store().search_logs(&any_logs()).unwrap();
        let all: Vec<u64> = rows.iter().map(|row| number_of(&row.record.body)).collect();
        let by_word = WORDS.map(|word| search(Expression::words([word.to_owned()])));
        let by_word: BTreeSet<u64> = by_word.into_iter().flatten().collect();
        assert_eq!(by_word, all.iter().copied().collect(), "seed {}", self.seed);
        if let Some(one) = all.first() {
            let by_number = search(Expression::words([one.to_string()]));
            assert!(by_number.contains(one), "seed {}: {one}", self.seed);
        }
        let counts = self.store().log_templates(&any_templates()).unwrap();
        let counted: u64 = counts.iter().map(|row| row.count).sum();
        let (has_rot, has_aged) = (self.model.has_rot, self.model.has_aged);
        let is_right =
            counted == all.len() as u64 || has_rot || has_aged && counted > all.len() as u64;
        assert!(is_right, "seed {}: {counted} counted of {all:?}", self.seed);
        all
    }

    fn visible(&self) -> BTreeSet<u64> {
        self.found().into_iter().collect()
    }

    fn check(&mut self) {
        let (seed, found) = (self.seed, self.found());
        let visible: BTreeSet<u64> = found.iter().copied().collect();
        assert_eq!(visible.len(), found.len(), "seed {seed}: something is there twice: {found:?}");
        assert!(visible.iter().all(|number| *number < self.model.next), "seed {seed}: never sent");
        let Model { acknowledged, written, in_memory, uncertain, has_rot, .. } = &mut self.model;
        let present = acknowledged.iter().chain(&*written).chain(&*in_memory);
        let missing: BTreeSet<u64> =
            present.copied().filter(|number| !visible.contains(number)).collect();
        if missing.is_empty() {
            return;
        }
        let warnings = self.store.as_ref().unwrap().warnings();
        assert!(*has_rot && !warnings.is_empty(), "seed {seed}: lost {missing:?} ({warnings:?})");
        [acknowledged, written, in_memory]
            .into_iter()
            .for_each(|known| known.retain(|number| !missing.contains(number)));
        uncertain.extend(missing);
    }
}

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var_os(name);
    value.map_or(default, |value| value.to_str().unwrap().parse().expect("a number"))
}

/// Runs a seed; says what became of splits.
fn run(seed: u64) -> Tended {
    let is_traced = std::env::var_os("GROUNDCREW_SIM_TRACE").is_some();
    let mut run = Run::new(seed);
    for step in 0..STEPS {
        run.step();
        if is_traced {
            println!("{step}: {:?}", run.model);
        }
    }
    run.check();
    // It works once the disk does.
    run.faults = Faults::default();
    run.disk.set_faults(run.faults);
    run.store().flush().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
    run.model.flushed();
    run.cut_power();
    run.tended
}

#[test]
fn acknowledged_is_there_once_whatever_the_disk_does() {
    let first = setting("GROUNDCREW_SIM_FIRST", 0);
    let seeds = first..first + setting("GROUNDCREW_SIM_SEEDS", 150);
    let all: Vec<Tended> = seeds.map(run).collect();
    for count in [
        all.iter().map(|tended| tended.merged).sum::<usize>(),
        all.iter().map(|tended| tended.thinned).sum(),
        all.iter().map(|tended| tended.sampled).sum(),
        all.iter().map(|tended| tended.removed).sum(),
        all.iter().map(|tended| tended.moved).sum(),
        all.iter().map(|tended| tended.joined).sum(),
    ] {
        assert!(
            count > 0 || all.len() < 50,
            "something was never done, so nothing was tested of it"
        );
    }
}

#[test]
fn seeds_that_failed_once_hold() {
    FAILED_ONCE.into_iter().map(run).for_each(drop);
}
