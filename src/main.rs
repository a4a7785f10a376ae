//! `groundcrew`: arguments in, exit code out.

use std::process::ExitCode;

/// The system's own keeps what threads gave back, each for itself: a server under load stays half again as large.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    groundcrew::cli::run(std::env::args_os())
}
