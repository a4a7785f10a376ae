//! The two streams: data to stdout, the rest to stderr. A reader that goes away early is not an error.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes text to stdout, colours only where they are wanted.
///
/// # Errors
/// When stdout fails for another reason than a closed pipe.
pub(super) fn out(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a line to stderr. A stderr that cannot be written to has nobody to be told.
pub(super) fn note(text: impl Display) {
    let mut stderr = anstream::stderr().lock();
    if writeln!(stderr, "{text}").is_err() {
        tracing::debug!("stderr is closed");
    }
}
