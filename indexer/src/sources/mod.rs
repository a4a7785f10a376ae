//! Where telemetry comes from. Each source bounds what it reads and hands batches to [`crate::Intake`].

mod admitted_body;
pub mod capped_reader;
pub mod cluster;
pub mod files;
pub mod messages;
mod otlp_export;
pub mod otlp_grpc;
pub mod otlp_http;
mod peer;
mod raw_codec;
mod rpc_status;

#[cfg(test)]
mod otlp_grpc_tests;
#[cfg(test)]
mod otlp_http_tests;
