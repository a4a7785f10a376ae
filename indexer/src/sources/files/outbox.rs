//! From the reading thread to the writing thread: batches in parcels of bounded size over a bounded channel.

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

use groundcrew_telemetry::Batch;

use super::summary::RecordCounts;
use crate::batch_bytes::batch_bytes;

/// A parcel goes out when it holds about this much.
const PARCEL_BYTES: usize = 2 << 20;

/// What travels to the writing thread.
pub(super) enum Parcel {
    /// Batches to store, with how far the reader has come.
    Batches { batches: Vec<Batch>, bytes: usize, path: PathBuf, bytes_done: u64, synced: bool },
    /// Everything of a file was sent before this.
    FileRead { path: PathBuf, hash: Option<String> },
}

/// The writing thread is gone, so reading on is of no use.
pub(in crate::sources) struct Closed;

/// Collects batches and sends them.
pub(in crate::sources) struct Outbox {
    /// Where parcels go; without it they are held until they are taken.
    sender: Option<SyncSender<Parcel>>,
    batches: Vec<Batch>,
    bytes: usize,
    path: PathBuf,
    pub(super) counts: RecordCounts,
    /// Whether what is read cannot be read again, and so must be on disk before more is taken.
    pub(super) is_stream: bool,
    /// Bytes on disk of the files before the current one, and of the current one as far as it is read.
    pub(super) bytes_done: u64,
}

impl Outbox {
    pub(super) fn new(sender: SyncSender<Parcel>) -> Self {
        Self { sender: Some(sender), ..Self::holding() }
    }

    /// Collects batches for [`Outbox::take`].
    pub(in crate::sources) fn holding() -> Self {
        Self {
            sender: None,
            batches: Vec::new(),
            bytes: 0,
            path: PathBuf::new(),
            counts: RecordCounts::default(),
            is_stream: false,
            bytes_done: 0,
        }
    }

    pub(super) fn begin_file(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Adds a batch and sends the parcel once it is full.
    pub(super) fn push(&mut self, batch: Batch) -> Result<(), Closed> {
        if batch.record_count() == 0 {
            return Ok(());
        }
        self.counts.add(&batch);
        self.bytes += batch_bytes(&batch);
        self.batches.push(batch);
        if self.bytes >= PARCEL_BYTES { self.send() } else { Ok(()) }
    }

    /// Takes what was collected, and about how many bytes that is.
    pub(in crate::sources) fn take(&mut self) -> (Vec<Batch>, usize) {
        (std::mem::take(&mut self.batches), std::mem::take(&mut self.bytes))
    }

    /// Bytes collected so far.
    pub(in crate::sources) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends what is left of a file and says that it is complete.
    pub(super) fn end_file(&mut self, hash: Option<String>) -> Result<(), Closed> {
        self.send()?;
        let path = std::mem::take(&mut self.path);
        let Some(sender) = &self.sender else { return Ok(()) };
        sender.send(Parcel::FileRead { path, hash }).map_err(|_| Closed)
    }

    pub(super) fn send(&mut self) -> Result<(), Closed> {
        let Some(sender) = &self.sender else { return Ok(()) };
        if self.batches.is_empty() {
            return Ok(());
        }
        let parcel = Parcel::Batches {
            batches: std::mem::take(&mut self.batches),
            bytes: std::mem::take(&mut self.bytes),
            path: self.path.clone(),
            bytes_done: self.bytes_done,
            synced: self.is_stream,
        };
        sender.send(parcel).map_err(|_| Closed)
    }
}
