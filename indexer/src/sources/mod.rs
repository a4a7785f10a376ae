//! Where telemetry comes from. Each source bounds what it reads and hands batches to [`crate::Intake`].

mod admitted_body;
pub mod capped_reader;
pub mod cluster;
pub mod datadog;
pub mod elastic;
pub mod files;
pub mod http;
pub mod http_body;
pub mod lines_http;
pub mod loki;
pub mod messages;
mod otlp_export;
pub mod otlp_grpc;
pub mod otlp_http;
mod peer;
mod pieces;
mod raw_codec;
pub mod remote_write;
mod rpc_status;

#[cfg(test)]
mod http_bench;
#[cfg(test)]
mod otlp_grpc_tests;
#[cfg(test)]
mod otlp_http_tests;
