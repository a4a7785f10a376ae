//! Exit codes, as ripgrep's: 0 answered with evidence, 1 not enough evidence, 2 error; 130 when interrupted.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It did what was asked; a question was answered with evidence.
    Success,
    /// The question was understood and the evidence does not carry an answer.
    NotEnoughEvidence,
    /// What was run again came to something else.
    Differs,
    /// Ctrl-C.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::NotEnoughEvidence | Exit::Differs => Self::from(1),
            Exit::Interrupted => Self::from(130),
        }
    }
}
