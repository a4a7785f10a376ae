//! One file per command. Data goes to stdout, everything else to stderr.

mod arguments;
mod ask;
mod asking;
mod changes;
mod chat;
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
mod interrupt;
mod logs;
mod manual;
mod mcp;
mod piped;
mod print;
mod render;
mod replay;
mod run;
mod serve;
mod show;
mod slack;
mod slack_doctor;
mod stores;
mod terminal;
mod trace;
mod vectors;
mod watch;

pub use run::run;
