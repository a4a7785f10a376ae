//! Groundcrew, an incident co-pilot for people on call.
//!
//! It answers a question about an outage from telemetry, changes, cluster state and documents that it holds itself, and
//! every sentence of an answer cites evidence that can be opened. This package is the question path and every surface;
//! the write path is `indexer/`, the parts below them are `crates/`.
//!
//! In reading order: [`investigate`] (the spine), [`memory`] (what people say about past incidents), [`session`]
//! (conversations), [`remediate`] (what a person may have done about it), [`desk`] (alerts become incidents), [`capsule`]
//! (an investigation in a file, run again), [`finops`] (what it costs), [`surfaces`] (HTTP, WebSocket, panel, Slack, MCP),
//! [`neighbours`] (other systems as they are asked), [`app`] (how it is put together), [`sources`] (what is listened on
//! beside OTLP), [`config`], [`eval`] (how it is measured), [`demo`] (the simulated outage) and
//! [`cli`] (one file per command).

pub mod app;
pub mod capsule;
pub mod cli;
pub mod config;
pub mod demo;
pub mod desk;
pub mod eval;
pub mod explore;
pub mod finops;
pub mod investigate;
pub mod markdown;
pub mod memory;
pub mod neighbours;
pub mod observe;
pub mod remediate;
pub mod session;
pub mod sources;
pub mod surfaces;
pub mod text;
pub mod upkeep;
