//! Reads the embedding model's two files and lets nothing but the pinned ones through.

use crate::LlmError;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

/// SHA-256 of the only `model.safetensors` that is loaded.
pub const MODEL_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// SHA-256 of the only `tokenizer.json` that is loaded.
pub const TOKENIZER_SHA256: &str =
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";

/// A file that must be exactly this one.
pub(super) struct PinnedFile {
    pub(super) name: &'static str,
    pub(super) bytes: u64,
    pub(super) sha256: &'static str,
}

pub(super) const MODEL: PinnedFile =
    PinnedFile { name: "model.safetensors", bytes: 90_868_376, sha256: MODEL_SHA256 };

pub(super) const TOKENIZER: PinnedFile =
    PinnedFile { name: "tokenizer.json", bytes: 466_247, sha256: TOKENIZER_SHA256 };

/// Reads `file` from `dir` into memory and checks its size and its hash.
///
/// The whole file is read rather than mapped: a mapped file can change after it was checked.
pub(super) fn read_pinned(dir: &Path, file: &PinnedFile) -> Result<Vec<u8>, LlmError> {
    let path = dir.join(file.name);
    let refuse = |detail: String| weights_error(&path, detail);
    let opened = std::fs::File::open(&path).map_err(|error| refuse(error.to_string()))?;
    let length = opened.metadata().map_err(|error| refuse(error.to_string()))?.len();
    if length != file.bytes {
        return Err(refuse(format!("it has {length} bytes and should have {}", file.bytes)));
    }
    let mut content = Vec::new();
    opened
        .take(file.bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| refuse(error.to_string()))?;
    let found = sha256_hex(&content);
    if found != file.sha256 {
        return Err(refuse(format!("its sha256 is {found} and should be {}", file.sha256)));
    }
    Ok(content)
}

pub(super) fn weights_error(path: &Path, detail: impl Into<String>) -> LlmError {
    LlmError::Weights { path: path.display().to_string(), detail: detail.into() }
}

fn sha256_hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        write!(hex, "{byte:02x}").unwrap_or_default();
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::{PinnedFile, read_pinned, sha256_hex};

    const ABC: PinnedFile = PinnedFile {
        name: "abc.txt",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    #[test]
    fn only_the_pinned_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let absent = read_pinned(dir.path(), &ABC).unwrap_err().to_string();
        assert!(absent.contains("abc.txt") && absent.contains("make model"), "{absent}");
        std::fs::write(dir.path().join("abc.txt"), "abc").unwrap();
        assert_eq!(read_pinned(dir.path(), &ABC).unwrap(), b"abc");
        std::fs::write(dir.path().join("abc.txt"), "abd").unwrap();
        assert!(read_pinned(dir.path(), &ABC).unwrap_err().to_string().contains("its sha256 is"));
        std::fs::write(dir.path().join("abc.txt"), "abcd").unwrap();
        assert!(read_pinned(dir.path(), &ABC).unwrap_err().to_string().contains("4 bytes"));
    }

    #[test]
    fn a_directory_in_its_place_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("abc.txt")).unwrap();
        assert_eq!(read_pinned(dir.path(), &ABC).unwrap_err().kind(), "weights");
    }

    #[test]
    fn hex_is_the_usual_one() {
        assert_eq!(sha256_hex(b"abc"), ABC.sha256);
    }
}
