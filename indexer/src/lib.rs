//! The write path: sources, stages and documents.
//!
//! Read in this order: [`Intake`] (the one door), [`stages`] (decode, mask, enrich, write), [`sources`] (where telemetry
//! comes from: OTLP over gRPC and HTTP, what other shippers speak over HTTP, syslog, the forward protocol, files and files
//! that grow), [`docs`] (runbooks and past incidents).
//!
//! Every byte of telemetry passes [`Intake`]; nothing here writes to the store around it. Time is an argument or a
//! [`groundcrew_telemetry::Clock`] handed in.

mod admission;
mod batch_bytes;
pub mod docs;
mod intake;
mod processors;
pub mod sources;
pub mod stages;
mod utf8;
mod workers;

#[cfg(test)]
mod intake_tests;
#[cfg(test)]
mod test_bench;
#[cfg(test)]
mod test_mutations;

pub use admission::Source;
pub use intake::{Accepted, Admission, Intake, IntakeSettings, RefusalReason, Refused, Submission};
pub use processors::{Kept, Processors};
pub use stages::caps::CapLimits;
