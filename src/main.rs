//! `groundcrew`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    groundcrew::cli::run(std::env::args_os())
}
