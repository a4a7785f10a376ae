//! Reads lines of bounded length from a stream, saying where each stands.

use std::io::{self, BufRead, BufReader, Read};

const BUFFER_BYTES: usize = 256 * 1024;

/// Reads lines. What is past a line's limit is read and let go.
pub(in crate::sources) struct Lines<R> {
    input: BufReader<R>,
    number: u64,
}

/// What a call to [`Lines::next`] came to.
#[derive(Debug)]
pub(in crate::sources) enum LineRead {
    /// A line is in the buffer.
    Line {
        /// Counted from 1.
        number: u64,
        /// Bytes of the line that did not fit.
        cut: u64,
    },
    /// The stream is at its end.
    End,
    /// The stream broke off; what was read of the last line is in the buffer.
    Broken(io::Error),
}

impl<R: Read> Lines<R> {
    pub(in crate::sources) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(BUFFER_BYTES, input), number: 0 }
    }

    /// The number of the last line.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line into `line`, at most `bytes_max` of it, without its end.
    pub(in crate::sources) fn next(&mut self, line: &mut Vec<u8>, bytes_max: usize) -> LineRead {
        line.clear();
        let mut cut = 0_u64;
        let mut any = false;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.number += u64::from(any);
                    return LineRead::Broken(error);
                }
            };
            if chunk.is_empty() {
                if !any {
                    return LineRead::End;
                }
                break;
            }
            any = true;
            let end = memchr::memchr(b'\n', chunk);
            let (kept, used) = match end {
                Some(end) => (chunk.get(..end).unwrap_or(chunk), end + 1),
                None => (chunk, chunk.len()),
            };
            let room = bytes_max.saturating_sub(line.len()).min(kept.len());
            line.extend_from_slice(kept.get(..room).unwrap_or_default());
            cut += (kept.len() - room) as u64;
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.number += 1;
        LineRead::Line { number: self.number, cut }
    }

    /// Reads everything that is left, at most `bytes_max` of it, into `rest`; says whether that was all.
    pub(super) fn rest(&mut self, rest: &mut Vec<u8>, bytes_max: u64) -> io::Result<bool> {
        self.input.by_ref().take(bytes_max).read_to_end(rest)?;
        Ok(self.input.fill_buf()?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_bounded_and_freed_of_their_ends() {
        let input = format!("one\r\n\n{}\nlast", "x".repeat(1_000_000));
        let mut lines = Lines::new(input.as_bytes());
        let mut line = Vec::new();
        let mut seen = Vec::new();
        while let LineRead::Line { number, cut } = lines.next(&mut line, 10) {
            seen.push((number, String::from_utf8(line.clone()).unwrap(), cut));
        }
        let expected = [(1, "one", 0), (2, "", 0), (3, "xxxxxxxxxx", 999_990), (4, "last", 0)];
        let expected = expected.map(|(number, text, cut)| (number, text.to_owned(), cut));
        assert_eq!(seen, expected);
    }
}
