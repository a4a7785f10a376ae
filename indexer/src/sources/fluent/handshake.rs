//! The handshake of the forward protocol: each side proves to the other that it knows the shared key.
//!
//! `HELO` with a nonce, `PING` with a digest over salt, name, nonce and key, `PONG` with one of our own. Users and
//! passwords, which the protocol also knows, are not asked for.

use rmp::encode::{write_array_len, write_bin, write_bool, write_map_len, write_str};
use sha2::{Digest, Sha512};

use super::msgpack::Packed;

/// What we call ourselves.
const NAME: &str = "groundcrew";
const NONCE_BYTES: usize = 16;

/// One handshake.
pub(super) struct Handshake<'a> {
    key: &'a str,
    nonce: [u8; NONCE_BYTES],
}

impl<'a> Handshake<'a> {
    /// A handshake by `key` with a nonce that nobody saw before.
    pub(super) fn new(key: &'a str, nonce: [u8; NONCE_BYTES]) -> Self {
        Self { key, nonce }
    }

    /// What the server says first.
    pub(super) fn helo(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to memory does not fail.
        drop(write_array_len(&mut out, 2));
        drop(write_str(&mut out, "HELO"));
        drop(write_map_len(&mut out, 3));
        drop(write_str(&mut out, "nonce"));
        drop(write_bin(&mut out, &self.nonce));
        drop(write_str(&mut out, "auth"));
        drop(write_bin(&mut out, b""));
        drop(write_str(&mut out, "keepalive"));
        drop(write_bool(&mut out, true));
        out
    }

    /// Checks a `PING`. Says whether the sender knows the key, and what to answer.
    pub(super) fn pong(&self, ping: &Packed<'_>) -> (bool, Vec<u8>) {
        let answer = self.check(ping);
        let (known, reason, digest) = match &answer {
            Ok(digest) => (true, "", digest.as_str()),
            Err(reason) => (false, *reason, ""),
        };
        let mut out = Vec::new();
        drop(write_array_len(&mut out, 5));
        drop(write_str(&mut out, "PONG"));
        drop(write_bool(&mut out, known));
        for text in [reason, NAME, digest] {
            drop(write_str(&mut out, text));
        }
        (known, out)
    }

    /// Our own digest, when theirs is right.
    fn check(&self, ping: &Packed<'_>) -> Result<String, &'static str> {
        let Packed::List(parts) = ping else { return Err("not a PING") };
        let text = |at: usize| parts.get(at).and_then(Packed::text);
        let (Some(word), Some(host)) = (text(0), text(1)) else { return Err("not a PING") };
        let (Some(salt), Some(claimed)) = (parts.get(2).and_then(Packed::bytes), text(3)) else {
            return Err("not a PING");
        };
        if word != "PING" {
            return Err("not a PING");
        }
        let expected = self.digest(salt, &host);
        if !same(claimed.as_bytes(), expected.as_bytes()) {
            return Err("shared_key mismatch");
        }
        Ok(self.digest(salt, NAME))
    }

    /// Hex of SHA-512 over salt, name, nonce and key.
    fn digest(&self, salt: &[u8], name: &str) -> String {
        let mut hasher = Sha512::new();
        for part in [salt, name.as_bytes(), &self.nonce, self.key.as_bytes()] {
            hasher.update(part);
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Compares without telling by its time where the difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && difference == 0
}
