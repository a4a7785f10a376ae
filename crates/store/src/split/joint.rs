//! One rollup in place of those of many log splits.
//!
//! Where logs come fast a slot of time lies in dozens of splits, and the rollup of each has a cell for the same services
//! and templates. A question about an hour would read and add up each of them as often. What neighbours count together is
//! therefore written once more, as the rollup of one split that has the rows of all, one after another.
//!
//! It says nothing that the rollups of its splits do not say, so nothing depends on it: one that is lost, damaged or of splits
//! that are gone is passed over, and the manifest does not know it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::log_read;
use super::meta::Split;
use super::rollup_file::{NumberedCell, RollupFile, rows_to_show, sorted, write_cells};
use super::rows_file::RowsFile;
use super::shown_rows::{ShownBuilder, ShownColumns, ShownRows};
use crate::checked_file::FileKind;
use crate::memory::CellKey;
use crate::service_numbers::ServiceNumbers;
use crate::{StoreError, checked_file, disk};

/// The directory below the store's.
const DIRECTORY: &str = "rollups";
const KIND: FileKind = *b"GCjr";
const NAME: &str = "of.bin";
/// With more cells than this none is made: they would not lie in the same slots, and making it takes memory.
const CELLS_MAX: usize = 1 << 18;

/// A split whose counts are in a joint rollup, as far as that must be known again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Member {
    id: u64,
    rows: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Member {
    fn of(split: &Split) -> Self {
        let meta = &split.meta;
        Self { id: meta.id, rows: meta.count, first: meta.first, last: meta.last }
    }
}

/// A joint rollup.
#[derive(Debug)]
pub(crate) struct Joint {
    /// Different from that of every split.
    pub(crate) id: u64,
    pub(crate) dir: PathBuf,
    /// Neighbours, in their order.
    members: Vec<Member>,
}

impl Joint {
    /// The split that comes first in it.
    pub(super) fn first_id(&self) -> Option<u64> {
        self.members.first().map(|member| member.id)
    }

    pub(super) const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it counts what these splits do.
    pub(super) fn is_of(&self, splits: &[Arc<Split>]) -> bool {
        self.members.iter().copied().eq(splits.iter().map(|split| Member::of(split)))
    }

    /// Which of its splits has a row of it, and how many rows those before have.
    pub(crate) fn place_of(&self, row: u64) -> Option<(usize, u64)> {
        let mut before = 0;
        for (place, member) in self.members.iter().enumerate() {
            if row < before + member.rows {
                return Some((place, before));
            }
            before += member.rows;
        }
        None
    }

    /// Writes what `splits` count together as number `id`, durably. `None` when it would not have so many times fewer cells
    /// than they.
    pub(crate) fn write(
        store_dir: &Path,
        id: u64,
        splits: &[Arc<Split>],
        gain_min: usize,
    ) -> Result<Option<Self>, StoreError> {
        let Some((services, cells)) = added_up(splits, gain_min)? else { return Ok(None) };
        let shown = shown(splits, rows_to_show(services.names(), &cells))?;
        let members: Vec<Member> = splits.iter().map(|split| Member::of(split)).collect();
        let parent = store_dir.join(DIRECTORY);
        let dir = parent.join(format!("{id:08}"));
        let unfinished = disk::unfinished(&dir);
        disk::create_dir(&unfinished)?;
        let finished = write_cells(&unfinished, services.names(), &cells, &shown)
            .and_then(|_| checked_file::write(&unfinished.join(NAME), KIND, &members))
            .and_then(|()| disk::sync_dir(&unfinished))
            .and_then(|()| disk::rename(&unfinished, &dir))
            // So that no split gets its number after a power cut.
            .and_then(|()| disk::sync_dir(&parent));
        if finished.is_err() {
            disk::remove_if_there(&unfinished);
        }
        finished.map(|()| Some(Self { id, dir, members }))
    }

    /// All that can be read, of whatever splits.
    pub(crate) fn load_all(store_dir: &Path) -> Vec<Arc<Self>> {
        let found = disk::list(&store_dir.join(DIRECTORY)).unwrap_or_default();
        let read = found.into_iter().filter_map(|dir| {
            let id = dir.file_name()?.to_str()?.parse().ok()?;
            let members = checked_file::read(&dir.join(NAME), KIND).ok()?;
            Some(Arc::new(Self { id, dir, members }))
        });
        read.collect()
    }

    /// Removes all but these, and what a crash left.
    pub(crate) fn remove_others(store_dir: &Path, kept: &[Arc<Self>]) -> Result<(), StoreError> {
        let found = disk::list(&store_dir.join(DIRECTORY))?;
        let others = found.iter().filter(|dir| !kept.iter().any(|joint| joint.dir == **dir));
        others.for_each(|dir| disk::remove_if_there(dir));
        Ok(())
    }
}

/// What is known of the rows of one cell, which are numbered through all splits.
struct JointCell {
    count: u64,
    first: (Timestamp, u32),
    last: (Timestamp, u32),
}

/// The cells of all splits added up; `None` when they are not so many times fewer.
fn added_up(
    splits: &[Arc<Split>],
    gain_min: usize,
) -> Result<Option<(ServiceNumbers, Vec<NumberedCell>)>, StoreError> {
    let mut services = ServiceNumbers::default();
    let mut cells: FxHashMap<CellKey, JointCell> = FxHashMap::default();
    let (mut rows_before, mut cells_read) = (0_u32, 0);
    for split in splits {
        let (rollup, _) = RollupFile::open(&split.dir)?;
        let times = times(split)?;
        let numbers = rollup.services().iter().map(|service| services.number(service));
        let numbers: Vec<u32> = numbers.collect();
        for cell in rollup.numbered() {
            let row = |row: u32| Some((*times.get(row as usize)?, rows_before.checked_add(row)?));
            let (Some(service), Some((first, last))) = (
                numbers.get(cell.key.service as usize),
                row(cell.first_row).zip(row(cell.last_row)),
            ) else {
                return Err(StoreError::damaged(
                    &split.dir,
                    "its counts are not those of its rows",
                ));
            };
            let one = JointCell { count: cell.count, first, last };
            cells
                .entry(CellKey { service: *service, ..cell.key })
                .and_modify(|known| known.add(&one))
                .or_insert(one);
        }
        cells_read += rollup.cell_count();
        let Some(rows) =
            u32::try_from(times.len()).ok().and_then(|rows| rows_before.checked_add(rows))
        else {
            return Ok(None);
        };
        rows_before = rows;
        if cells.len() > CELLS_MAX {
            return Ok(None);
        }
    }
    if cells.len() * gain_min > cells_read {
        return Ok(None);
    }
    let cells = cells.into_iter().map(|(key, cell)| NumberedCell {
        key,
        count: cell.count,
        first_row: cell.first.1,
        last_row: cell.last.1,
    });
    Ok(Some((services, sorted(cells.collect()))))
}

impl JointCell {
    /// Adds one of a split that comes later.
    fn add(&mut self, later: &Self) {
        self.count += later.count;
        if later.first.0 < self.first.0 {
            self.first = later.first;
        }
        if later.last.0 >= self.last.0 {
            self.last = later.last;
        }
    }
}

/// When each row of a split was written.
fn times(split: &Split) -> Result<Vec<Timestamp>, StoreError> {
    let (file, _) = RowsFile::open(&split.dir)?;
    let mut times = Vec::new();
    for block in &file.blocks {
        times.extend(log_read::times(&file, block)?);
    }
    if times.len() as u64 != split.meta.count {
        return Err(StoreError::damaged(&split.dir, "its rows are not as many as it says"));
    }
    Ok(times)
}

/// Those of the rows, ascending numbers through all splits, that their own rollups show. Others are read when they are asked
/// for: reading them here would be reading most of the splits.
fn shown(splits: &[Arc<Split>], rows: Vec<u32>) -> Result<ShownColumns, StoreError> {
    let mut shown = ShownBuilder::default();
    let mut rows = rows.into_iter().peekable();
    let mut before = 0_u64;
    for split in splits {
        let (of_split, _) = ShownRows::open(&split.dir)?;
        let end = before + split.meta.count;
        while let Some(row) = rows.next_if(|row| u64::from(*row) < end) {
            let Some((time, body)) = of_split.get(u64::from(row) - before) else { continue };
            if !shown.push(row, time, body) {
                return Ok(shown.finish());
            }
        }
        before = end;
    }
    Ok(shown.finish())
}
