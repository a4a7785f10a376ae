//! The one place where compressed bytes are expanded, and always under a cap.
//!
//! gzip (also of several members), zstd and plain bytes are told apart by their first bytes. What comes out is counted:
//! past the cap, or at a ratio that no honest telemetry reaches, reading fails with [`TooLarge`] and what was read
//! before stays read. Nothing is expanded twice, so an archive inside an archive is just binary.

use std::fmt;
use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Expanded bytes that are let pass before the ratio is looked at: small inputs may well be all alike.
const RATIO_GRACE_BYTES: u64 = 64 << 20;
/// Repetitive logs reach some hundreds in zstd; gzip cannot pass 1,032.
const RATIO_MAX: u64 = 4_096;
/// Bytes looked at to tell the encoding.
const MAGIC_BYTES: usize = 4;
const BUFFER_BYTES: usize = 256 * 1024;

/// How bytes were compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Encoding {
    /// Tells the encoding by the first bytes.
    #[must_use]
    pub fn of_magic(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// The expanded input passed its cap. Travels inside an [`io::Error`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge {
    /// The cap in bytes.
    pub bytes_max: u64,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expands past {} bytes or by more than {RATIO_MAX} to 1", self.bytes_max)
    }
}

impl std::error::Error for TooLarge {}

impl TooLarge {
    /// Whether `error` carries this.
    #[must_use]
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// A reader that expands its input under a cap.
pub struct CappedReader<'a> {
    inner: Box<dyn Read + Send + 'a>,
    consumed: Arc<AtomicU64>,
    produced: u64,
    bytes_max: u64,
}

impl<'a> CappedReader<'a> {
    /// Reads `input`, expanding it if its first bytes say so, to at most `bytes_max` bytes.
    ///
    /// # Errors
    /// When the first bytes cannot be read.
    pub fn sniffed(mut input: impl Read + Send + 'a, bytes_max: u64) -> io::Result<Self> {
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head)?;
        let encoding = Encoding::of_magic(&head);
        Self::encoded(Cursor::new(head).chain(input), encoding, bytes_max)
    }

    /// Reads `input`, which is known to be in `encoding`, to at most `bytes_max` bytes.
    ///
    /// # Errors
    /// When the decoder cannot be set up.
    pub fn encoded(
        input: impl Read + Send + 'a,
        encoding: Encoding,
        bytes_max: u64,
    ) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let counted = CountedRead { input, consumed: Arc::clone(&consumed) };
        let buffered = io::BufReader::with_capacity(BUFFER_BYTES, counted);
        let inner: Box<dyn Read + Send + 'a> = match encoding {
            Encoding::Plain => Box::new(buffered),
            Encoding::Gzip => Box::new(MultiGzDecoder::new(buffered)),
            Encoding::Zstd => Box::new(zstd_decoder(buffered)?),
        };
        Ok(Self { inner, consumed, produced: 0, bytes_max })
    }

    /// A counter of compressed bytes read so far, for progress.
    #[must_use]
    pub fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    fn within_cap(&self) -> bool {
        if self.produced > self.bytes_max {
            return false;
        }
        let consumed = self.consumed.load(Ordering::Relaxed).max(1);
        self.produced <= RATIO_GRACE_BYTES || self.produced / consumed <= RATIO_MAX
    }
}

impl Read for CappedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than is allowed is asked for, to tell "just full" from "too large".
        let room = usize::try_from((self.bytes_max + 1).saturating_sub(self.produced));
        let length = buffer.len().min(room.unwrap_or(usize::MAX));
        let read = self.inner.read(buffer.get_mut(..length).unwrap_or_default())?;
        self.produced += read as u64;
        if self.within_cap() {
            return Ok(read);
        }
        Err(io::Error::other(TooLarge { bytes_max: self.bytes_max }))
    }
}

fn zstd_decoder<'a>(input: impl BufRead + Send + 'a) -> io::Result<impl Read + Send + 'a> {
    zstd::stream::read::Decoder::with_buffer(input)
}

struct CountedRead<R> {
    input: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for CountedRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(input: &[u8], bytes_max: u64) -> (Vec<u8>, io::Result<()>) {
        let mut out = Vec::new();
        let mut reader = CappedReader::sniffed(input, bytes_max).unwrap();
        let result = reader.read_to_end(&mut out).map(drop);
        (out, result)
    }

    #[test]
    fn expands_what_its_first_bytes_say() {
        let text = b"hello world".repeat(100);
        let two_members = [gzip(&text), gzip(&text)].concat();
        assert_eq!(read_all(&two_members, 1 << 20).0, text.repeat(2));
        let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
        assert_eq!(read_all(&zstd, 1 << 20).0, text);
        assert_eq!(read_all(&text, 1 << 20).0, text);
        assert_eq!(read_all(b"", 1 << 20).0, b"");
    }

    #[test]
    fn stops_at_the_cap_and_lets_exactly_the_cap_pass() {
        let bomb = gzip(&vec![b'a'; 1 << 20]);
        let (_, result) = read_all(&bomb, 1000);
        assert!(TooLarge::is(&result.unwrap_err()));
        assert!(read_all(&bomb, 1 << 20).1.is_ok());
        assert!(read_all(b"12345", 5).1.is_ok());
        assert!(read_all(b"123456", 5).1.is_err());
    }

    #[test]
    fn stops_at_a_ratio_that_no_telemetry_reaches() {
        let bomb = zstd::encode_all(io::repeat(b'a').take(256 << 20), 19).unwrap();
        let mut reader = CappedReader::sniffed(bomb.as_slice(), u64::MAX - 1).unwrap();
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(TooLarge::is(&error));
    }

    #[test]
    fn a_cut_gzip_gives_what_it_holds_and_then_an_error() {
        let text: Vec<u8> = (0..50_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let whole = gzip(&text);
        let (out, result) = read_all(&whole[..whole.len() / 2], 1 << 20);
        assert!(text.starts_with(&out) && out.len() > 1000);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
