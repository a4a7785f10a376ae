//! Files that are followed: read on as they grow, across rotation, truncation, deletion and restarts of ours.
//!
//! A file is known by its device and inode, never by its name alone. How far each was read is kept in the state, and only
//! after what was read is on disk: after a restart, lines in between are read again, from the same bytes. The last line
//! waits until it is whole; the last record waits a moment for lines that belong to it. Compressed files are left alone:
//! they are what rotation made of files that were followed before.

mod place;
mod rounds;
mod tail;
mod wanted;

#[cfg(test)]
mod tests;

pub use rounds::{FollowError, FollowOptions, Followed, follow};
pub use wanted::mistake;
