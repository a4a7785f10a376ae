//! Cuts the journal's export format into entries: `NAME=value` lines, or a name alone, the length in eight bytes and the
//! value as it is; an empty line ends an entry.

/// The longest value that is kept whole.
const VALUE_BYTES_MAX: usize = 1 << 20;
/// Fields of one entry that are kept.
const FIELDS_MAX: usize = 256;

/// Names and values of one entry.
pub(in crate::sources) type Entry = Vec<(String, Vec<u8>)>;

/// Cuts what is pushed into entries.
#[derive(Default)]
pub(in crate::sources) struct Entries {
    buffer: Vec<u8>,
    at: usize,
    open: Entry,
    /// A value in binary form that is under way: its name and how much of it is still to come, its end included.
    binary: Option<(String, Vec<u8>, u64)>,
}

impl Entries {
    /// Adds bytes as they came.
    pub(in crate::sources) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole entry.
    pub(in crate::sources) fn next(&mut self) -> Option<Entry> {
        loop {
            self.take_binary()?;
            let rest = self.buffer.get(self.at..)?;
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.bound_line();
                return None;
            };
            let line = rest.get(..end)?;
            if line.is_empty() {
                self.at += 1;
                if !self.open.is_empty() {
                    return Some(std::mem::take(&mut self.open));
                }
                continue;
            }
            match memchr::memchr(b'=', line) {
                Some(equals) => {
                    let name = String::from_utf8_lossy(line.get(..equals)?).into_owned();
                    let value = line.get(equals + 1..)?;
                    let value = value.get(..value.len().min(VALUE_BYTES_MAX))?.to_vec();
                    self.keep(name, value);
                    self.at += end + 1;
                }
                None => {
                    let length = rest.get(end + 1..end + 9)?;
                    let length = u64::from_le_bytes(length.try_into().ok()?);
                    let name = String::from_utf8_lossy(line).into_owned();
                    self.binary = Some((name, Vec::new(), length.saturating_add(1)));
                    self.at += end + 9;
                }
            }
        }
    }

    /// What is left when the stream has ended: an entry without its empty line, or the reason why there is none.
    pub(in crate::sources) fn last(&mut self) -> Option<Result<Entry, String>> {
        let rest = self.buffer.split_off(self.at.min(self.buffer.len()));
        self.at = self.buffer.len();
        let open = std::mem::take(&mut self.open);
        if self.binary.take().is_some() || rest.iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Some(Err("a journal entry is cut off".to_owned()));
        }
        (!open.is_empty()).then_some(Ok(open))
    }

    /// Takes what has come of a value in binary form; `None` when more of it is to come.
    fn take_binary(&mut self) -> Option<()> {
        let Some((name, mut value, left)) = self.binary.take() else { return Some(()) };
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let kept = here.min(VALUE_BYTES_MAX.saturating_sub(value.len()));
        value.extend_from_slice(rest.get(..kept).unwrap_or_default());
        self.at += here;
        let left = left - here as u64;
        if left > 0 {
            self.binary = Some((name, value, left));
            return None;
        }
        if value.last() == Some(&b'\n') {
            value.pop();
        }
        self.keep(name, value);
        Some(())
    }

    /// Of a line that is far too long the middle is let go.
    fn bound_line(&mut self) {
        let most = self.at + 2 * VALUE_BYTES_MAX;
        self.buffer.truncate(most.min(self.buffer.len()));
    }

    fn keep(&mut self, name: String, value: Vec<u8>) {
        if self.open.len() < FIELDS_MAX {
            self.open.push((name, value));
        }
    }
}
