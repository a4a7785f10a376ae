//! The write path: sources, stages and documents.
//!
//! Read in this order: [`Intake`] (the one door), [`stages`] (decode, mask, enrich, write), [`sources`] (where telemetry
//! comes from: OTLP over gRPC and HTTP, what other shippers speak over HTTP, files), [`docs`] (runbooks and past incidents).
//!
//! Every byte of telemetry passes [`Intake`]; nothing here writes to the store around it. Time is an argument or a
//! [`groundcrew_telemetry::Clock`] handed in.

mod batch_bytes;
pub mod docs;
mod intake;
pub mod sources;
pub mod stages;
mod utf8;

#[cfg(test)]
mod intake_tests;
#[cfg(test)]
mod test_bench;

pub use intake::{Accepted, Admission, Intake, IntakeSettings, RefusalReason, Refused};
