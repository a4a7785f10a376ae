//! Signatures over what was posted: HMAC-SHA256 as GitHub, PagerDuty and Slack make them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// Whether one of `given`, in hexadecimal, is the signature of `parts` one after another. Compares in constant time; an
/// empty secret signs nothing.
#[must_use]
pub fn is_signed<'a>(
    secret: &Secret,
    parts: &[&[u8]],
    given: impl IntoIterator<Item = &'a str>,
) -> bool {
    if secret.is_empty() {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return false;
    };
    parts.iter().for_each(|part| mac.update(part));
    given.into_iter().filter_map(bytes_of_hex).any(|given| mac.clone().verify_slice(&given).is_ok())
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .trim()
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const KNOWN: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn a_known_signature_holds_and_nothing_else_does() {
        let secret = Secret::new("Jefe");
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert!(is_signed(&secret, &parts, [KNOWN]));
        assert!(
            is_signed(&secret, &parts, ["00", KNOWN]),
            "any of several, while keys are changed"
        );
        assert!(!is_signed(&secret, &[b"what do ya want for nothing!"], [KNOWN]));
        assert!(!is_signed(&Secret::default(), &parts, [KNOWN]));
        for wrong in ["", "5bdc", "zz", KNOWN.trim_start_matches('5'), "\u{20ac}\u{20ac}"] {
            assert!(!is_signed(&secret, &parts, [wrong]), "{wrong}");
        }
    }
}
