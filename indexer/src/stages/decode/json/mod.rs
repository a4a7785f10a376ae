//! OTLP as JSON, read leniently and fast.
//!
//! The common path parses a whole request with typed visitors straight into telemetry values, borrowing what is only
//! looked at (ids, times, level words). When that fails anywhere, the request is read again with its records as raw
//! text, so that one bad record costs itself alone.
//!
//! Accepted beyond the specification: snake_case keys, `null` for "not given", 64-bit integers as numbers or strings,
//! enums by number or name, ids in base64 (counted). Keys that are not known are ignored, as the specification wants.

mod any_value;
mod logs;
mod metrics;
mod request;
mod scalars;
mod spans;

pub use request::{decode_json, decode_json_text};
