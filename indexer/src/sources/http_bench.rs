//! What the tests of the HTTP receivers share: a sender without a socket, recorded payloads, and payloads gone wrong.

use std::io::Write;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::http::router;
use super::http_body::HttpRefusal;
use crate::test_bench::Bench;

pub(super) const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub(super) const GZIP: (&str, &str) = ("content-encoding", "gzip");

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }
}

pub(super) async fn post(
    bench: &Bench,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Reply {
    send(bench, "POST", path, headers, body.into()).await
}

pub(super) async fn send(
    bench: &Bench,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = router(bench.intake.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// The recorded payloads of a folder, by name; none where the checkout has none beside it.
pub(super) fn recorded(folder: &str) -> Vec<(String, Vec<u8>)> {
    let payloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/payloads");
    let Ok(files) = std::fs::read_dir(payloads.join(folder)) else {
        eprintln!("skipped: the recorded payloads are not there");
        return Vec::new();
    };
    let mut found: Vec<(String, Vec<u8>)> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Decodes `count` payloads that are damaged ones of `good` or noise, the same at every run. Each is taken or refused as
/// the sender's fault.
pub(super) fn survives(
    good: &[&[u8]],
    count: u32,
    decode: impl Fn(&[u8]) -> Result<(), HttpRefusal>,
) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut taken = 0;
    for _ in 0..count {
        let payload = dice.damaged(good);
        match decode(&payload) {
            Ok(()) => taken += 1,
            Err(refusal) => {
                let shown = String::from_utf8_lossy(&payload);
                assert!(refusal.status().is_client_error(), "{refusal} for {shown}");
            }
        }
    }
    assert!(taken > 0 && taken < count, "{taken} of {count} were taken");
}

/// Marsaglia's xorshift64: enough to damage payloads with.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % sides.max(1)
    }

    fn damaged(&mut self, good: &[&[u8]]) -> Vec<u8> {
        if self.roll(16) == 0 {
            return (0..self.roll(64)).map(|_| self.byte()).collect();
        }
        let mut payload = good[self.roll(good.len())].to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(payload.len() + 1);
            let end = (at + self.roll(16)).min(payload.len());
            match self.roll(6) {
                0 if at < payload.len() => payload[at] ^= 1 << self.roll(8),
                1 if at < payload.len() => payload[at] = self.byte(),
                2 => payload.insert(at, self.byte()),
                3 => drop(payload.drain(at..end)),
                4 => payload.truncate(at),
                _ => {
                    let copy = payload[at..end].to_vec();
                    payload.splice(at..at, copy);
                }
            }
        }
        payload
    }

    /// A byte, most often one that means something in JSON or protobuf.
    fn byte(&mut self) -> u8 {
        const TELLING: &[u8] = b"{}[]\",:\\0-9e.\n\x00\x0a\x12\x7f\xff\x80";
        match self.roll(2) {
            0 => TELLING[self.roll(TELLING.len())],
            _ => u8::try_from(self.roll(256)).unwrap(),
        }
    }
}
