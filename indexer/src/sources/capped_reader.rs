//! The one place where bytes that others compressed are expanded, and always under a cap.
//!
//! gzip (also of several members), zstd and plain bytes are told apart by their first bytes; deflate (zlib or raw) and
//! snappy blocks only where the sender names them. What comes out is counted: past the cap, or at a ratio that no honest
//! telemetry reaches, reading fails with [`TooLarge`] and what was read before stays read. The length that a snappy block
//! declares is compared with the cap before anything is allocated for it. Nothing is expanded twice, so an archive
//! inside an archive is just binary. clippy.toml bans the decoders everywhere else.

use std::fmt;
use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[expect(clippy::disallowed_types, reason = "here they are put under a cap")]
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

/// Expanded bytes that are let pass before the ratio is looked at: small inputs may well be all alike.
const RATIO_GRACE_BYTES: u64 = 64 << 20;
/// Repetitive logs reach some hundreds in zstd; gzip cannot pass 1,032.
const RATIO_MAX: u64 = 4_096;
/// Bytes looked at to tell the encoding.
const MAGIC_BYTES: usize = 4;
const BUFFER_BYTES: usize = 256 * 1024;
/// Three bytes of a snappy block stand for at most 64, so a block that declares more than this ratio lies.
const SNAPPY_RATIO_MAX: u64 = 22;

/// How bytes were compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// zlib, or deflate without a header, which some call by the same name.
    Deflate,
    /// Zstandard.
    Zstd,
    /// One snappy block, without framing.
    Snappy,
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
    /// When the decoder cannot be set up. A snappy block, which cannot be read in pieces, is expanded here.
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
            Encoding::Gzip => Box::new(gzip_decoder(buffered)),
            Encoding::Deflate => Box::new(Inflated::new(buffered)?),
            Encoding::Snappy => Box::new(Cursor::new(snappy_block(buffered, bytes_max)?)),
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

#[expect(clippy::disallowed_types, reason = "what comes out is counted by the caller")]
fn gzip_decoder<'a>(input: impl BufRead + Send + 'a) -> impl Read + Send + 'a {
    MultiGzDecoder::new(input)
}

/// Deflate with or without the header of zlib, and nothing after its end.
#[expect(clippy::disallowed_types, reason = "what comes out is counted by the caller")]
struct Inflated<R>(ZlibDecoder<R>);

impl<R: BufRead> Inflated<R> {
    fn new(mut input: R) -> io::Result<Self> {
        let head = input.fill_buf()?;
        let has_header = matches!(head, [method, flags, ..]
            if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0);
        let state = flate2::Decompress::new(has_header);
        #[expect(clippy::disallowed_types, reason = "what comes out is counted by the caller")]
        let decoder = ZlibDecoder::new_with_decompress(input, state);
        Ok(Self(decoder))
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if read == 0 && !buffer.is_empty() && !self.0.get_mut().fill_buf()?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "something follows the end"));
        }
        Ok(read)
    }
}

/// The length that a snappy block says it expands to.
///
/// # Errors
/// [`TooLarge`] past `bytes_max`; otherwise when the block has no length, or one that so few bytes cannot expand to.
pub(super) fn snappy_length(block: &[u8], bytes_max: u64) -> io::Result<usize> {
    let length = snap::raw::decompress_len(block).map_err(io::Error::other)?;
    if length as u64 > bytes_max {
        return Err(io::Error::other(TooLarge { bytes_max }));
    }
    if length as u64 / SNAPPY_RATIO_MAX > block.len() as u64 {
        let lie = format!("declares {length} bytes, which {} cannot hold", block.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, lie));
    }
    Ok(length)
}

fn snappy_block(mut input: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut block = Vec::new();
    // A block is never much longer than what it holds.
    input.by_ref().take(bytes_max + bytes_max / 6 + 32).read_to_end(&mut block)?;
    snappy_length(&block, bytes_max)?;
    #[expect(clippy::disallowed_types, reason = "the length was compared with the cap")]
    let mut decoder = snap::raw::Decoder::new();
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    decoder.decompress_vec(&block).map_err(invalid)
}

#[expect(clippy::disallowed_types, reason = "what comes out is counted by the caller")]
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
    fn deflate_comes_with_and_without_a_header_and_ends_at_its_end() {
        let text = b"hello world".repeat(100);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&text).unwrap();
        for packed in [zlib.finish().unwrap(), raw.finish().unwrap()] {
            let read = |input: &[u8]| {
                let mut out = Vec::new();
                CappedReader::encoded(input, Encoding::Deflate, 1 << 20)?.read_to_end(&mut out)?;
                io::Result::Ok(out)
            };
            assert_eq!(read(&packed).unwrap(), text);
            assert!(read(&[packed.as_slice(), b"more"].concat()).is_err());
            assert!(read(&packed[..packed.len() / 2]).is_err());
        }
    }

    #[test]
    fn a_snappy_block_that_lies_about_its_length_is_not_believed() {
        let text = b"hello world".repeat(100);
        let packed = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        let read = |input: &[u8], bytes_max| {
            let mut out = Vec::new();
            CappedReader::encoded(input, Encoding::Snappy, bytes_max)?.read_to_end(&mut out)?;
            io::Result::Ok(out)
        };
        assert_eq!(read(&packed, 1_100).unwrap(), text);
        assert!(TooLarge::is(&read(&packed, 1_099).unwrap_err()));
        // A header alone that says 4 GiB less one byte, and one that says 16 MiB.
        assert!(TooLarge::is(&read(&[0xff, 0xff, 0xff, 0xff, 0x0f], 32 << 20).unwrap_err()));
        let lie = read(&[0x80, 0x80, 0x80, 0x08, 0], 32 << 20).unwrap_err();
        assert!(!TooLarge::is(&lie) && lie.to_string().contains("cannot hold"), "{lie}");
        assert!(read(b"", 10).is_err());
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
