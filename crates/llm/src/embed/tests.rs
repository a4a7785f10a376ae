//! The local embedder with its real weights, against a second implementation's figures.
//!
//! Skipped with a message where the weights were not fetched. The fixture is written by
//! `scripts/embedding_reference.py`.

use super::{Embedder as _, LocalEmbedder};
use serde::Deserialize;
use std::path::PathBuf;

/// Largest difference of a number from the reference, which was computed in double precision.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Reference {
    sentences: Vec<String>,
    first_numbers: Vec<Vec<f32>>,
    cosines: Vec<Vec<f32>>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// The embedder, where the configured or the usual directory has weights.
fn embedder() -> Option<LocalEmbedder> {
    let configured = option_env!("GROUNDCREW__EMBEDDING__MODEL_DIR").map(PathBuf::from);
    let usual = option_env!("HOME")
        .map(|home| PathBuf::from(home).join(".cache/groundcrew/all-MiniLM-L6-v2"));
    let Some(dir) = configured.or(usual).filter(|dir| dir.join("model.safetensors").exists())
    else {
        println!("skipped: the embedding model was not fetched, run `make model`");
        return None;
    };
    Some(LocalEmbedder::load(&dir).unwrap())
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[test]
fn vectors_are_those_of_the_reference() {
    let Some(embedder) = embedder() else { return };
    let reference = reference();
    let sentences: Vec<&str> = reference.sentences.iter().map(String::as_str).collect();
    let vectors = embedder.embed(&sentences).unwrap();
    assert_eq!(vectors.len(), sentences.len());
    for (position, vector) in vectors.iter().enumerate() {
        assert_eq!(vector.len(), LocalEmbedder::DIMENSIONS);
        for (found, expected) in vector.iter().zip(&reference.first_numbers[position]) {
            assert!(
                (found - expected).abs() < TOLERANCE,
                "{}: {found} for {expected}",
                sentences[position]
            );
        }
        for (other, expected) in reference.cosines[position].iter().enumerate() {
            let found = cosine(vector, &vectors[other]);
            assert!(
                (found - expected).abs() < TOLERANCE,
                "{position} and {other}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn paraphrases_are_nearer_than_strangers() {
    let Some(embedder) = embedder() else { return };
    let pairs = [
        ("disk is full on the database host", "no space left on device for postgres"),
        (
            "certificate expired, TLS handshake fails",
            "clients cannot connect because the SSL cert is out of date",
        ),
        ("messages pile up in the queue", "the queue of messages keeps growing"),
    ];
    let texts: Vec<&str> = pairs.iter().flat_map(|(left, right)| [*left, *right]).collect();
    let vectors = embedder.embed(&texts).unwrap();
    for (position, vector) in vectors.iter().enumerate() {
        let paraphrase = cosine(vector, &vectors[position ^ 1]);
        for other in (0..vectors.len()).filter(|other| other / 2 != position / 2) {
            let stranger = cosine(vector, &vectors[other]);
            assert!(paraphrase > stranger, "{}: {paraphrase} and {stranger}", texts[position]);
        }
    }
}

#[test]
fn company_and_size_do_not_matter() {
    let Some(embedder) = embedder() else { return };
    assert!(embedder.embed(&[]).unwrap().is_empty());
    let huge = "x ".repeat(3_000_000);
    let run = "y".repeat(3_000_000);
    let texts =
        ["", " \n\t", "\u{0}", "🦀", &huge, &run, "alone", "a somewhat longer text about a pod"];
    let together = embedder.embed(&texts).unwrap();
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embedder.embed(&[text]).unwrap();
        assert!(vector.iter().all(|number| number.is_finite()));
        assert!((cosine(vector, vector) - 1.0).abs() < TOLERANCE);
        assert!(cosine(vector, &alone[0]) > 1.0 - TOLERANCE, "{:?}", text.get(..20));
    }
}
