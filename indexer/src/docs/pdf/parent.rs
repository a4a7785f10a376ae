//! Has a PDF read by another process, and waits no longer than it may take.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{CPU_SECS_MAX, MEMORY_BYTES_MAX, TEXT_BYTES_MAX};

/// Longest wait for a file, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// The command of the program that ends up in [`read_pdf`](super::read_pdf).
const COMMAND: &str = "read-pdf";
/// Signals that a process gets for its limits: no more processor time, twice, and no more memory.
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// The text of a PDF as `reader` tells it, or why there is none.
pub(in super::super) fn text_of(reader: &Path, bytes: Vec<u8>) -> Result<String, String> {
    let mut child = Command::new(reader)
        .arg(COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be read: failed to start the reader: {error}"))?;
    let text = exchange(&mut child, bytes);
    if text.is_none() {
        child
            .kill()
            .map_err(|error| format!("cannot be read: failed to end the reader: {error}"))?;
    }
    let status = child.wait().map_err(|error| format!("cannot be read: {error}"))?;
    match text {
        Some(text) if status.success() => Ok(text),
        Some(text) => Err(reason(status, text)),
        None => Err(format!("takes longer than {} s to read", PATIENCE.as_secs())),
    }
}

/// What the child says, or `None` when it says nothing for too long.
fn exchange(child: &mut Child, bytes: Vec<u8>) -> Option<String> {
    if let Some(mut input) = child.stdin.take() {
        // A child that ends early does not read everything; its exit status tells why.
        thread::spawn(move || drop(input.write_all(&bytes)));
    }
    let output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(2 * TEXT_BYTES_MAX as u64).read_to_end(&mut text);
        let text = read.map(|_| String::from_utf8_lossy(&text).into_owned());
        // Nobody waits any more when it took too long.
        drop(sender.send(text.unwrap_or_default()));
    });
    receiver.recv_timeout(PATIENCE).ok()
}

/// Why a child ended as it did. `text` is its own reason, when it came to giving one.
fn reason(status: ExitStatus, text: String) -> String {
    match (status.signal(), status.code()) {
        (Some(SIGXCPU | SIGKILL), _) => {
            format!("takes more than {CPU_SECS_MAX} s of processor time to read")
        }
        (Some(SIGABRT | SIGSEGV), _) => {
            format!("takes more than {} MiB of memory to read", MEMORY_BYTES_MAX >> 20)
        }
        (_, Some(1)) if !text.is_empty() => text,
        _ => "is damaged in a way that the PDF reader does not survive".to_owned(),
    }
}
