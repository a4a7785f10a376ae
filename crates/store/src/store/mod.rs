//! The store itself: one directory, one writer, any number of readers.
//!
//! `open` reads a directory, `append` takes batches, `seal` turns memory into splits, `merge` makes few splits out of
//! many, `read` and `search` answer queries. `live` is what readers see.

mod append;
mod handle;
mod live;
mod merge;
mod open;
mod read;
mod seal;
mod search;

#[cfg(test)]
mod tests;

pub use handle::Store;
