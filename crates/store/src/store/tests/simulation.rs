//! Random work on a simulated disk that fails, by seed: what was acknowledged is there, once; what was never sent is not.
//!
//! A hundred and fifty seeds run with every other test; `GROUNDCREW_SIM_SEEDS=10000` runs as many, and
//! `GROUNDCREW_SIM_FIRST=17` begins at a seed that failed; `GROUNDCREW_SIM_TRACE=1` shows the steps. Logs are left out: their word index is tantivy's, which sees to
//! its files itself. Spans, metrics, changes, the write-ahead log, manifest, ledger, template texts and the keys of
//! requests are all on the simulated disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use groundcrew_telemetry::{
    Batch, ChangeEvent, ChangeKind, Span, SystemClock, TemplateId, TimeRange, Timestamp,
};

use super::fixtures::{
    TINY, any_metrics, any_spans, masked, metric_batch, series, span, span_batch, trace,
};
use crate::disk::simulated::{Dice, Faults, SimulatedDisk};
use crate::{Access, Durability, ResendKey, Store, StoreError, StoreOptions, Upkeep};

const STEPS: usize = 70;

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
    /// Splits that were merged.
    merged: usize,
}

fn batch(number: u64) -> groundcrew_masking::Masked<Batch> {
    // Now and then a day is over: only then are few splits merged.
    let days = number / 12 * 2;
    let time = Timestamp::from_secs(1_700_000_000 + (number + days * 86_400) as i64);
    match number % 3 {
        0 => {
            let name = number.to_string();
            let span =
                Span { trace_id: trace(number), name, start: time, end: time, ..span(number) };
            span_batch("cart", vec![span])
        }
        1 => metric_batch("cart", vec![series(&number.to_string(), "a", &[(1, number as f64)])]),
        _ => masked(Batch::Changes(vec![change(number, time)])),
    }
}

fn change(number: u64, time: Timestamp) -> ChangeEvent {
    ChangeEvent {
        kind: ChangeKind::Deploy,
        time,
        id: number.to_string(),
        service: None,
        title: String::new(),
        actor: None,
        from: None,
        to: None,
        commits: Vec::new(),
        files: Vec::new(),
        diff: String::new(),
        link: None,
    }
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
        let now = Timestamp::from_secs(1_700_000_000);
        let model = Model::default();
        let mut run = Self { seed, dice, disk, store: None, model, now, faults, merged: 0 };
        run.reopen();
        run
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
        let opened = Store::open_with(options, Box::new(SystemClock), Access::ReadOnly);
        self.store = Some(opened.unwrap_or_else(|error| panic!("seed {}: {error:?}", self.seed)));
        self.check();
        self.disk.set_faults(self.faults);
    }

    fn step(&mut self) {
        self.now = self.now.plus_nanos(self.dice.below(20_000_000_000) as i64);
        match self.dice.below(100) {
            0..55 => self.send(),
            55..63 => self.send_again(),
            63..68 => {
                let texts = [(TemplateId(self.dice.below(50) as u64), "text".repeat(9))];
                // Texts may be refused like everything else.
                drop(self.store().put_templates(&texts));
            }
            68..81 => self.flush(),
            81..84 => self.merge(),
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
            _ if self.seed % 5 == 1 && self.disk.rot() => {
                self.model.has_rot = true;
                self.reopen();
            }
            _ => {}
        }
    }

    fn flush(&mut self) {
        if self.store().flush().is_ok() {
            self.model.flushed();
        }
    }

    /// Small splits become one, on a disk that fails; what is stored stays the same.
    fn merge(&mut self) {
        match self.store().tend(&Upkeep::default(), &|| false) {
            Ok(tended) => self.merged += tended.merged,
            Err(StoreError::Io { .. } | StoreError::Full { .. }) => {}
            Err(error) => panic!("seed {}: {error:?}", self.seed),
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
        let durability = [Durability::Synced, Durability::Written, Durability::OnFlush]
            [[0, 0, 0, 0, 1, 2][self.dice.below(6)]];
        let stored = match durability {
            Durability::Synced => {
                let claim = self.store().claim(key(number), self.now).unwrap();
                self.store().append_claimed(vec![batch(number)], durability, claim)
            }
            _ => self.store().append(vec![batch(number)], durability),
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
        let Some(number) = self.model.next.checked_sub(1 + self.dice.below(20) as u64) else {
            return;
        };
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
        match self.store().append_claimed(vec![batch(number)], Durability::Synced, claim) {
            Ok(()) => {
                self.model.uncertain.remove(&number);
                self.model.acknowledged.insert(number);
            }
            Err(_) => {
                self.model.uncertain.insert(number);
            }
        }
    }

    /// What can be found, each as often as it is found.
    fn found(&self) -> Vec<u64> {
        let store = self.store();
        let spans = store.spans(&any_spans()).unwrap().rows;
        let metrics = store.metrics(&any_metrics()).unwrap();
        let changes = store.changes(TimeRange::ALL).unwrap();
        let names = spans.iter().map(|row| row.span.name.clone());
        let names = names.chain(metrics.iter().map(|row| row.series.name.clone()));
        let names = names.chain(changes.iter().map(|change| change.id.clone()));
        names.map(|name| name.parse().unwrap()).collect()
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

#[test]
fn acknowledged_is_there_once_whatever_the_disk_does() {
    let first = setting("GROUNDCREW_SIM_FIRST", 0);
    let is_traced = std::env::var_os("GROUNDCREW_SIM_TRACE").is_some();
    let seeds = first..first + setting("GROUNDCREW_SIM_SEEDS", 150);
    let mut merged = 0;
    for seed in seeds.clone() {
        let mut run = Run::new(seed);
        for step in 0..STEPS {
            run.step();
            if is_traced {
                println!("{step}: {:?}", run.model);
            }
        }
        run.check();
        // It works once the disk does.
        run.disk.set_faults(Faults::default());
        run.store().flush().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        run.model.flushed();
        run.faults = Faults::default();
        run.cut_power();
        merged += run.merged;
    }
    assert!(merged > 0 || seeds.count() < 50, "nothing was merged, so nothing was tested of it");
}
