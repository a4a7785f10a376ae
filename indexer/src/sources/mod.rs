//! Where telemetry comes from. Each source bounds what it reads and hands batches to [`crate::Intake`].

mod admitted_body;
pub mod capped_reader;
pub mod cluster;
pub mod datadog;
pub mod elastic;
pub mod files;
pub mod fluent;
pub mod follow;
pub mod http;
pub mod http_body;
pub mod journal;
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
mod serving;
mod sockets;
pub mod streams;
pub mod syslog;
mod zone;

pub use ipnet::IpNet;
pub use serving::Serving;
pub use sockets::{Gate, tls_acceptor};
pub use zone::Zone;

#[cfg(test)]
mod http_bench;
#[cfg(test)]
mod otlp_grpc_tests;
#[cfg(test)]
mod otlp_http_tests;
