//! The integration tests, in one binary: the real program, real sockets, real peers.

#[cfg(test)]
mod actions;
#[cfg(test)]
mod actions_bench;
#[cfg(test)]
mod actions_slack;
#[cfg(test)]
mod api;
#[cfg(test)]
mod ask;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bucket_servers;
#[cfg(test)]
mod capsule;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod cold;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod followups;
#[cfg(test)]
mod fuzz_targets;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod kill_loop;
#[cfg(test)]
mod looking_further;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod mcp_peers;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod model;
#[cfg(test)]
mod model_failures;
#[cfg(test)]
mod model_server;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod openai;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod receivers;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod senders;
#[cfg(test)]
mod shippers;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod slack;
#[cfg(test)]
mod slack_days;
#[cfg(test)]
mod slack_incidents;
#[cfg(test)]
mod slack_look;
#[cfg(test)]
mod slack_payloads;
#[cfg(test)]
mod slack_server;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod websockets;
