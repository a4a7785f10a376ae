//! Drops what is kept long enough.
//!
//! The manifest says first what is gone, then the files go, each with the last who reads it: a crash in between leaves
//! files that the next open removes. What was dropped, and by which limit, stays known, so that an answer can say why it
//! cannot see further back.

use std::sync::Arc;

use groundcrew_telemetry::{TimeRange, Timestamp};

use super::handle::{Sealer, Store};
use super::open::LEDGER_KIND;
use super::seal::remove_ledger_files;
use super::tend::Tended;
use crate::manifest::{Manifest, ledger_path};
use crate::retention::{self, KeptSplit, Plan, Step};
use crate::split::{Split, SplitMeta, SplitSet, SplitSignal};
use crate::{Dropped, DroppedUntil, Limit, Retention, StoreError, checked_file};

/// What is on disk of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeptSignal {
    /// Splits that have it.
    pub splits: usize,
    /// Bytes of files.
    pub bytes: u64,
    /// From the first to just after the last; `None` when there is none.
    pub range: Option<TimeRange>,
}

/// What is on disk, and what is no longer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// Splits with log records.
    pub logs: KeptSignal,
    /// Splits of which only the counts of log records are left.
    pub rollups: KeptSignal,
    /// Splits with spans.
    pub traces: KeptSignal,
    /// Of those, splits of which only the traces that stand out and an even share of the others are left.
    pub sampled: KeptSignal,
    /// Splits with metric points.
    pub metrics: KeptSignal,
    /// Splits of any kind whose rows are in the bucket, with the bytes that they take there.
    pub cold: KeptSignal,
    /// The oldest change, alert or cluster snapshot.
    pub oldest_change: Option<Timestamp>,
    /// What retention has dropped.
    pub dropped: Dropped,
    /// Why something that is old enough does not go.
    pub held: Option<String>,
}

impl KeptSignal {
    fn add(&mut self, meta: &SplitMeta, bytes: u64) {
        self.splits += 1;
        self.bytes += bytes;
        let (first, end) = (meta.first, meta.last.plus_nanos(1));
        self.range = Some(match self.range {
            None => TimeRange::new(first, end),
            Some(range) => TimeRange::new(range.start.min(first), range.end.max(end)),
        });
    }
}

impl Store {
    /// What is on disk, and what these limits would hold back.
    #[must_use]
    pub fn kept(&self, limits: &Retention) -> Kept {
        let (splits, dropped, oldest_change) = {
            let live = self.live();
            (Arc::clone(&live.splits), live.dropped, live.ledger.oldest())
        };
        let receipts = self.sealer().manifest.receipts;
        let listed: Vec<KeptSplit> = splits.all().map(|split| kept_split(split)).collect();
        let held = retention::plan(limits, &listed, receipts, self.clock.now()).held;
        let mut kept = Kept { dropped, held, oldest_change, ..Kept::default() };
        for (split, listed) in splits.all().zip(&listed) {
            let signal = match (listed.signal, listed.has_rows) {
                (SplitSignal::Logs, true) => &mut kept.logs,
                (SplitSignal::Logs, false) => &mut kept.rollups,
                (SplitSignal::Spans, _) => &mut kept.traces,
                (SplitSignal::Metrics, _) => &mut kept.metrics,
            };
            signal.add(&split.meta, listed.bytes);
            if split.meta.sampled.is_some() {
                kept.sampled.add(&split.meta, listed.bytes);
            }
            if split.meta.is_cold() {
                let bytes = split.meta.cold.iter().map(|file| file.bytes).sum();
                kept.cold.add(&split.meta, bytes);
            }
        }
        kept
    }

    pub(super) fn retain(&self, limits: &Retention) -> Result<Tended, StoreError> {
        let now = self.clock.now();
        let splits = Arc::clone(&self.live().splits);
        let receipts = self.sealer().manifest.receipts;
        let listed: Vec<KeptSplit> = splits.all().map(|split| kept_split(split)).collect();
        let plan = retention::plan(limits, &listed, receipts, now);
        let mut tended = Tended::default();
        for step in &plan.steps {
            let bytes_of = |id: u64| listed.iter().find(|split| split.id == id);
            match step {
                Step::Thin(id, _) => {
                    tended.thinned += 1;
                    tended.bytes_freed +=
                        bytes_of(*id).map_or(0, |split| split.bytes - split.bytes_thin);
                }
                Step::Remove(id, _) => {
                    tended.removed += 1;
                    tended.bytes_freed += bytes_of(*id).map_or(0, |split| split.bytes);
                }
            }
        }
        if !plan.steps.is_empty() {
            self.drop_splits(&plan, &splits)?;
        }
        if let Some(limit) = limits.changes
            && let Some(before) = retention::cutoff(Some(limit), receipts, now)
        {
            tended.entries = self.drop_entries(before, limit)?;
        }
        if let Some(before) = retention::cutoff(limits.answers, receipts, now) {
            tended.answers = self.state.forget_answers(before)?;
        }
        tended.held = plan.held;
        Ok(tended)
    }

    fn drop_splits(&self, plan: &Plan, splits: &SplitSet) -> Result<(), StoreError> {
        let mut sealer = self.sealer();
        let mut manifest = sealer.manifest.clone();
        let mut thinned: Vec<Arc<Split>> = Vec::new();
        for step in &plan.steps {
            match step {
                Step::Remove(id, limit) => {
                    let gone = manifest.splits.extract_if(.., |meta| meta.id == *id);
                    let gone: Vec<SplitMeta> = gone.collect();
                    for meta in &gone {
                        note(&mut manifest.dropped, meta, *limit, true);
                        manifest.doomed.extend(objects_of(meta));
                    }
                }
                Step::Thin(id, limit) => {
                    let meta = manifest.splits.iter_mut().find(|meta| meta.id == *id);
                    let Some(meta) = meta else { continue };
                    manifest.doomed.extend(objects_of(meta));
                    meta.has_rows = false;
                    meta.cold.clear();
                    note(&mut manifest.dropped, meta, *limit, false);
                    thinned.push(Arc::new(Split::new(&self.dir, meta.clone())));
                }
            }
        }
        self.save_on_full_disk(&manifest, plan, splits)?;
        self.commit(&mut sealer, manifest, &thinned, plan);
        drop(sealer);
        for split in splits.all() {
            let without = thinned.iter().find(|thin| thin.meta.id == split.meta.id);
            let is_gone = plan
                .steps
                .iter()
                .any(|step| matches!(step, Step::Remove(id, _) if *id == split.meta.id));
            match without {
                Some(without) => self.let_go(split, without),
                None if is_gone => {
                    split.mark_gone();
                    self.reader.forget(split.meta.id);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// A full disk has no room even for saying what goes: an index that goes in any case makes some. Rows are as exact
    /// without it, should it not come to that after all.
    fn save_on_full_disk(
        &self,
        manifest: &Manifest,
        plan: &Plan,
        splits: &SplitSet,
    ) -> Result<(), StoreError> {
        let saved = manifest.save(&self.dir);
        if !matches!(saved, Err(StoreError::Full { .. })) {
            return saved;
        }
        let goes = |split: &&Arc<Split>| plan.steps.iter().any(|step| step.id() == split.meta.id);
        splits.all().filter(goes).for_each(|split| {
            split.remove_indexes();
            self.reader.forget(split.meta.id);
        });
        manifest.save(&self.dir)
    }

    /// Makes what the new manifest says visible.
    fn commit(&self, sealer: &mut Sealer, manifest: Manifest, thinned: &[Arc<Split>], plan: &Plan) {
        let ids: Vec<u64> = plan.steps.iter().map(Step::id).collect();
        let mut live = self.live_mut();
        let mut splits = (*live.splits).clone();
        splits.remove(&ids);
        thinned.iter().for_each(|split| splits.add(Arc::clone(split)));
        live.splits = Arc::new(splits);
        live.dropped = manifest.dropped;
        drop(live);
        sealer.manifest = manifest;
    }

    /// Drops changes, alerts and snapshots from before a time, once enough of them have gathered to rewrite the rest.
    fn drop_entries(
        &self,
        before: Timestamp,
        limit: std::time::Duration,
    ) -> Result<usize, StoreError> {
        let slack = (limit / 10).min(std::time::Duration::from_secs(86_400));
        let slack = i64::try_from(slack.as_nanos()).unwrap_or(i64::MAX);
        let mut sealer = self.sealer();
        let kept = {
            let live = self.live();
            if live.ledger.oldest().is_none_or(|oldest| oldest >= before.plus_nanos(-slack)) {
                return Ok(0);
            }
            live.ledger.since(before)
        };
        let mut manifest = sealer.manifest.clone();
        let id = sealer.id_next;
        sealer.id_next += 1;
        manifest.id_next = sealer.id_next;
        manifest.ledger_files.clear();
        if !kept.is_empty() {
            let path = ledger_path(&self.dir, id);
            path.parent().map_or(Ok(()), crate::disk::create_dir)?;
            checked_file::write(&path, LEDGER_KIND, &kept)?;
            manifest.ledger_files.push(id);
        }
        DroppedUntil::note(&mut manifest.dropped.changes, before, Limit::Age(limit));
        manifest.save(&self.dir)?;
        let mut live = self.live_mut();
        let forgotten = live.ledger.forget_before(before);
        live.dropped = manifest.dropped;
        drop(live);
        let gone = std::mem::replace(&mut sealer.manifest, manifest);
        remove_ledger_files(&self.dir, &gone, &sealer.manifest);
        Ok(forgotten)
    }
}

/// The objects that a split has in the bucket.
fn objects_of(meta: &SplitMeta) -> Vec<String> {
    meta.cold.iter().map(|file| file.key(meta)).collect()
}

fn kept_split(split: &Split) -> KeptSplit {
    let bytes = split.bytes();
    let SplitMeta { id, signal, has_rows, last, received, .. } = split.meta;
    KeptSplit {
        id,
        signal,
        has_rows,
        last,
        received,
        bytes,
        is_cold: split.meta.is_cold(),
        bytes_thin: bytes.saturating_sub(split.row_bytes()),
    }
}

fn note(dropped: &mut Dropped, meta: &SplitMeta, limit: Limit, is_whole: bool) {
    // A row from the future does not make everything up to it dropped.
    let until = meta.last.min(meta.received).plus_nanos(1);
    let had_rows = meta.has_rows || !is_whole;
    match meta.signal {
        SplitSignal::Spans => DroppedUntil::note(&mut dropped.traces, until, limit),
        SplitSignal::Metrics => DroppedUntil::note(&mut dropped.metrics, until, limit),
        SplitSignal::Logs => {
            if had_rows {
                DroppedUntil::note(&mut dropped.logs, until, limit);
            }
            if is_whole {
                DroppedUntil::note(&mut dropped.rollups, until, limit);
            }
        }
    }
}
