//! The store itself: one directory, one writer, any number of readers.
//!
//! `open` reads a directory, `append` takes batches, `seal` turns memory into splits, `tend` looks after them: `merge`
//! makes few splits out of many, `join` few rollups, `retain` drops what is kept long enough, `tail_sampling` thins old traces, `chill` moves
//! what is old to a bucket. `read`, `rollups`, `span_counts`, `search` and `lines` answer
//! queries. `live` is what readers see.

mod append;
mod chill;
mod handle;
mod join;
mod lines;
mod live;
mod merge;
mod open;
mod read;
mod read_back;
mod retain;
mod rollups;
mod seal;
mod search;
mod span_counts;
mod tail_sampling;
mod tend;

#[cfg(test)]
mod tests;

pub use handle::Store;
pub use lines::{Line, LinesQuery};
pub use retain::{Kept, KeptSignal};
pub use tail_sampling::TailSampling;
pub use tend::{Tended, Upkeep};
