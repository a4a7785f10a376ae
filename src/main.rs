//! `groundcrew`: arguments in, exit code out.

use std::process::ExitCode;

/// Under many senders the system's takes nearly twice the memory: what one thread decodes another one drops (ADR 29).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    groundcrew::cli::run(std::env::args_os())
}
