//! One file per command. Data goes to stdout, everything else to stderr.

mod arguments;
mod ask;
mod client;
mod config;
mod demo;
mod doctor;
mod eval;
mod eval_arguments;
mod exit;
mod export;
mod hook;
mod incident;
mod index;
mod ingest;
mod mcp;
mod print;
mod render;
mod replay;
mod run;
mod serve;
mod slack;
mod slack_doctor;
mod vectors;

pub use run::run;
