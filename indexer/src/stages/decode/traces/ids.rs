//! Ids as other systems write them: hexadecimal of any length, base64, or names that people made up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use groundcrew_telemetry::{SpanId, TraceId};

/// A trace's id; `None` when there is none.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    bytes_of(text).map(TraceId)
}

/// A span's id; `None` when there is none.
pub(super) fn span_id(text: &str) -> Option<SpanId> {
    bytes_of(text).map(SpanId)
}

/// The id of the server's half of a span that client and server share.
pub(super) fn shared_span_id(trace: TraceId, span: SpanId) -> SpanId {
    SpanId(hashed(&[trace.0.as_slice(), span.0.as_slice(), b"server"].concat()))
}

/// Hexadecimal is filled up with zeros on the left; what is neither that nor base64 is hashed, so that equal stays equal.
fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.trim();
    let bytes = hex(text).or_else(|| base64(text)).unwrap_or_else(|| hashed(text.as_bytes()));
    (!text.is_empty() && bytes != [0; N]).then_some(bytes)
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = (1..=2 * N).contains(&text.len()).then_some(text)?;
    let mut bytes = [0; N];
    for (place, digit) in digits.bytes().rev().enumerate() {
        let value = char::from(digit).to_digit(16)? as u8;
        let byte = bytes.get_mut(N - 1 - place / 2)?;
        *byte |= if place % 2 == 0 { value } else { value << 4 };
    }
    Some(bytes)
}

fn base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn hashed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut hash = [0; N];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_every_spelling_are_read() {
        assert_eq!(span_id("4b52eb0cabcb50a").unwrap().to_string(), "04b52eb0cabcb50a");
        assert_eq!(trace_id("AB").unwrap().to_string(), format!("{:0>32}", "ab"));
        let long = trace_id("AAAAAAAAAABSlpqJVVcaPw==").unwrap().to_string();
        assert_eq!(long, "000000000000000052969a8955571a3f");
        assert_eq!(span_id("AAAAAABkfZg=").unwrap().to_string(), "0000000000647d98");
        assert_eq!(trace_id("trace-123"), trace_id("trace-123"));
        assert_ne!(trace_id("trace-123"), trace_id("trace-124"));
        assert_eq!((trace_id(""), trace_id("0000")), (None, None));
    }
}
