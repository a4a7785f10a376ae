//! A disk in memory that fails as disks do, from one seed: what was not synced is lost in part when the power goes, writes
//! are torn, names are lost while their directory was not synced, a sync fails and drops what it should have kept, space
//! runs out.
//!
//! A path below `/simulated/N` is on the disk with number N. [`SimulatedDisk::after_power_cut`] makes another disk out of
//! what would be left, so that a store on the old one can be dropped without doing harm.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

const ROOT: &str = "/simulated";
const SECTOR_BYTES: usize = 512;
type Number = usize;

static DISKS: Mutex<BTreeMap<u64, Weak<SimulatedDisk>>> = Mutex::new(BTreeMap::new());

/// How often something fails, in thousandths of the calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) sync: u32,
    pub(crate) write: u32,
    pub(crate) full: u32,
    pub(crate) name: u32,
}

/// Numbers that look random and come from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    pub(crate) fn thousandths(&mut self, chance: u32) -> bool {
        self.roll() % 1_000 < u64::from(chance)
    }
}

/// A disk.
#[derive(Debug)]
pub(crate) struct SimulatedDisk {
    number: u64,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    dice: Dice,
    faults: Faults,
    /// Files and directories; the first is the root. None is ever freed.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Directory { live: Names, durable: Names, pending: Vec<Rename> },
    File { live: Vec<u8>, durable: Vec<u8>, pending: Vec<Change> },
}

type Names = BTreeMap<OsString, Number>;

/// A name that comes to stand for something, or for nothing.
#[derive(Clone, Debug)]
struct Rename(Vec<(OsString, Option<Number>)>);

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLength(u64),
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Handle {
    disk: Arc<SimulatedDisk>,
    node: Number,
}

/// The disk that `path` is on, where it is on a simulated one, and the path there.
pub(crate) fn at(path: &Path) -> Option<(Arc<SimulatedDisk>, PathBuf)> {
    let below = path.strip_prefix(ROOT).ok()?;
    let mut parts = below.components();
    let Some(Component::Normal(number)) = parts.next() else { return None };
    let number: u64 = number.to_str()?.parse().ok()?;
    let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    let disk = disks.get(&number)?.upgrade()?;
    Some((disk, parts.as_path().to_owned()))
}

fn injected(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "simulated")
}

impl SimulatedDisk {
    pub(crate) fn new(seed: u64, faults: Faults) -> Arc<Self> {
        let root =
            Node::Directory { live: Names::new(), durable: Names::new(), pending: Vec::new() };
        Self::with(State { dice: Dice::new(seed), faults, nodes: vec![root] })
    }

    fn with(state: State) -> Arc<Self> {
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.retain(|_, disk| disk.strong_count() > 0);
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let disk = Arc::new(Self { number, state: Mutex::new(state) });
        disks.insert(number, Arc::downgrade(&disk));
        disk
    }

    /// The path under which the disk is reached.
    pub(crate) fn path(&self) -> PathBuf {
        Path::new(ROOT).join(self.number.to_string())
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// What is left when the power goes now.
    pub(crate) fn after_power_cut(&self) -> Arc<Self> {
        let mut state = self.lock().clone();
        let State { dice, nodes, .. } = &mut state;
        nodes.iter_mut().for_each(|node| node.lose(dice));
        Self::with(state)
    }

    /// What is left when the program is killed now: everything.
    pub(crate) fn after_kill(&self) -> Arc<Self> {
        Self::with(self.lock().clone())
    }

    /// Changes one byte of one file, beyond the eight that say what it is; `false` when there is none so long. With
    /// `only_named` not of one that was removed.
    pub(crate) fn rot(&self, only_named: bool) -> bool {
        let mut state = self.lock();
        let State { dice, nodes, .. } = &mut *state;
        let long = |node: &Node| matches!(node, Node::File { live, .. } if live.len() > 8);
        let mut files: Vec<Number> =
            if only_named { named(nodes) } else { (0..nodes.len()).collect() };
        files.retain(|number| long(&nodes[*number]));
        if files.is_empty() {
            return false;
        }
        if let Node::File { live, durable, .. } = &mut nodes[files[dice.below(files.len())]] {
            let at = 8 + dice.below(live.len() - 8);
            live[at] ^= 1 << dice.below(8);
            durable.clone_from(live);
        }
        true
    }

    pub(crate) fn open(
        self: &Arc<Self>,
        path: &Path,
        makes: bool,
        empties: bool,
    ) -> io::Result<Handle> {
        let mut state = self.lock();
        if makes && state.find(path).is_none() {
            state.fail(|faults| faults.full, io::ErrorKind::StorageFull)?;
            state.fail(|faults| faults.name, io::ErrorKind::Other)?;
            let file = Node::File { live: Vec::new(), durable: Vec::new(), pending: Vec::new() };
            state.add(path, file)?;
        }
        let node = state.find(path).ok_or_else(|| injected(io::ErrorKind::NotFound))?;
        if !matches!(state.nodes[node], Node::File { .. }) {
            return Err(injected(io::ErrorKind::IsADirectory));
        }
        if empties {
            state.change(node, Change::SetLength(0));
        }
        Ok(Handle { disk: Arc::clone(self), node })
    }

    pub(crate) fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let mut so_far = PathBuf::new();
        for part in path.components() {
            so_far.push(part);
            if state.find(&so_far).is_none() {
                state.fail(|faults| faults.full, io::ErrorKind::StorageFull)?;
                let directory = Node::Directory {
                    live: Names::new(),
                    durable: Names::new(),
                    pending: Vec::new(),
                };
                state.add(&so_far, directory)?;
            }
        }
        Ok(())
    }

    pub(crate) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let node = state.find(path).ok_or_else(|| injected(io::ErrorKind::NotFound))?;
        state.fail(|faults| faults.sync, io::ErrorKind::Other)?;
        if let Node::Directory { live, durable, pending } = &mut state.nodes[node] {
            durable.clone_from(live);
            pending.clear();
        }
        Ok(())
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let node = state.find(from).ok_or_else(|| injected(io::ErrorKind::NotFound))?;
        state.fail(|faults| faults.name, io::ErrorKind::Other)?;
        let (from, to) = (state.place(from)?, state.place(to)?);
        if from.0 == to.0 {
            state.name(from.0, vec![(from.1, None), (to.1, Some(node))]);
        } else {
            state.name(to.0, vec![(to.1, Some(node))]);
            state.name(from.0, vec![(from.1, None)]);
        }
        Ok(())
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.find(path).ok_or_else(|| injected(io::ErrorKind::NotFound))?;
        let (directory, name) = state.place(path)?;
        state.name(directory, vec![(name, None)]);
        Ok(())
    }

    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let state = self.lock();
        match state.find(path).map(|node| &state.nodes[node]) {
            Some(Node::Directory { live, .. }) => Ok(live.keys().cloned().collect()),
            Some(Node::File { .. }) => Err(injected(io::ErrorKind::NotADirectory)),
            None => Err(injected(io::ErrorKind::NotFound)),
        }
    }

    /// Whether there is something at `path`, and whether it is a directory.
    pub(crate) fn kind(&self, path: &Path) -> Option<bool> {
        let state = self.lock();
        state.find(path).map(|node| matches!(state.nodes[node], Node::Directory { .. }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that has a name.
fn named(nodes: &[Node]) -> Vec<Number> {
    let mut found = vec![0];
    let mut at = 0;
    while let Some(number) = found.get(at).copied() {
        if let Node::Directory { live, .. } = &nodes[number] {
            found.extend(live.values());
        }
        at += 1;
    }
    found
}

impl State {
    fn fail(&mut self, chance: fn(&Faults) -> u32, kind: io::ErrorKind) -> io::Result<()> {
        let chance = chance(&self.faults);
        if self.dice.thousandths(chance) { Err(injected(kind)) } else { Ok(()) }
    }

    fn find(&self, path: &Path) -> Option<Number> {
        path.components().try_fold(0, |node, part| match &self.nodes[node] {
            Node::Directory { live, .. } => live.get(part.as_os_str()).copied(),
            Node::File { .. } => None,
        })
    }

    /// The directory of `path` and its name there.
    fn place(&self, path: &Path) -> io::Result<(Number, OsString)> {
        let not_found = || injected(io::ErrorKind::NotFound);
        let directory = path.parent().and_then(|parent| self.find(parent));
        let name = path.file_name().ok_or_else(not_found)?;
        Ok((directory.ok_or_else(not_found)?, name.to_owned()))
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<()> {
        let (directory, name) = self.place(path)?;
        self.nodes.push(node);
        let number = self.nodes.len() - 1;
        self.name(directory, vec![(name, Some(number))]);
        Ok(())
    }

    fn name(&mut self, directory: Number, names: Vec<(OsString, Option<Number>)>) {
        if let Node::Directory { live, pending, .. } = &mut self.nodes[directory] {
            let rename = Rename(names);
            rename.apply(live);
            pending.push(rename);
        }
    }

    fn change(&mut self, file: Number, change: Change) {
        if let Node::File { live, pending, .. } = &mut self.nodes[file] {
            change.apply(live, usize::MAX);
            pending.push(change);
        }
    }
}

impl Node {
    /// Makes what is durable, and part of what was not, all there is.
    fn lose(&mut self, dice: &mut Dice) {
        match self {
            Self::Directory { live, durable, pending } => {
                for rename in pending.drain(..) {
                    if dice.thousandths(500) {
                        rename.apply(durable);
                    }
                }
                live.clone_from(durable);
            }
            Self::File { live, durable, pending } => {
                for change in pending.drain(..) {
                    match dice.below(3) {
                        0 => {}
                        1 => change.apply(durable, usize::MAX),
                        _ => change.apply(durable, dice.below(8) * SECTOR_BYTES / 2),
                    }
                }
                live.clone_from(durable);
            }
        }
    }
}

impl Rename {
    fn apply(&self, names: &mut Names) {
        for (name, node) in &self.0 {
            match node {
                Some(node) => names.insert(name.clone(), *node),
                None => names.remove(name),
            };
        }
    }
}

impl Change {
    /// Applies the first `bytes_max` of it.
    fn apply(&self, content: &mut Vec<u8>, bytes_max: usize) {
        match self {
            Self::SetLength(length) => content.resize(*length as usize, 0),
            Self::Write(offset, bytes) => {
                let bytes = &bytes[..bytes.len().min(bytes_max)];
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Handle {
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let full = state.fail(|faults| faults.full, io::ErrorKind::StorageFull);
        let failed = full.and_then(|()| state.fail(|faults| faults.write, io::ErrorKind::Other));
        // A write that fails may have written some of it.
        let written = match failed {
            Ok(()) => bytes.len(),
            Err(_) => state.dice.below(bytes.len() + 1),
        };
        state.change(self.node, Change::Write(offset, bytes[..written].to_vec()));
        failed
    }

    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_at(bytes, self.length()).map(|()| bytes.len())
    }

    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let content = self.content();
        let end = offset as usize + buffer.len();
        let found = content.get(offset as usize..end);
        buffer.copy_from_slice(found.ok_or_else(|| injected(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        match &self.disk.lock().nodes[self.node] {
            Node::File { live, .. } => live.clone(),
            Node::Directory { .. } => Vec::new(),
        }
    }

    pub(crate) fn length(&self) -> u64 {
        match &self.disk.lock().nodes[self.node] {
            Node::File { live, .. } => live.len() as u64,
            Node::Directory { .. } => 0,
        }
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.fail(|faults| faults.write, io::ErrorKind::Other)?;
        state.change(self.node, Change::SetLength(length));
        Ok(())
    }

    /// A sync that fails drops some of what it should have kept, and the next one succeeds all the same.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let failed = state.fail(|faults| faults.sync, io::ErrorKind::Other);
        let State { dice, nodes, .. } = &mut *state;
        if let Node::File { durable, pending, .. } = &mut nodes[self.node] {
            for change in pending.drain(..) {
                if failed.is_ok() || dice.thousandths(500) {
                    change.apply(durable, usize::MAX);
                }
            }
        }
        failed
    }
}
