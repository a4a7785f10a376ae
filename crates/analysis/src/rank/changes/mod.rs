//! "A change did it" as a tested hypothesis, and "no change did" as another.
//!
//! `words` reads identifiers out of code and sentences, `diff` tells what a change does apart from what it moves, comments
//! on or logs, `failing` collects what fails and in whose words, `effect` says when and where a change took effect, and
//! `verdict` makes the tests and weighs them.

mod diff;
mod effect;
mod failing;
mod verdict;
mod words;

pub(super) use failing::Failing;
pub(super) use verdict::verdicts;
