//! `eval embedding`: how fast the embedder that runs here reads, by length of text.

use std::path::Path;
use std::time::{Duration, Instant};

use groundcrew_llm::{Embedder as _, LlmError, LocalEmbedder};

/// Words that are one token each, so that a text has two tokens more than words: its beginning and its end.
const WORDS: [&str; 16] = [
    "pod",
    "server",
    "database",
    "connection",
    "the",
    "is",
    "network",
    "memory",
    "of",
    "service",
    "error",
    "request",
    "failed",
    "and",
    "certificate",
    "disk",
];
/// Words of a text at each length measured: about a question, a paragraph, a passage, and all that is read.
const LENGTHS: [usize; 4] = [14, 62, 126, 254];
/// Texts embedded in one go: a few batches.
const TEXTS: usize = 16;

/// Texts of one length.
#[derive(Clone, Debug)]
pub struct EmbeddingSpeed {
    /// Tokens of a text.
    pub tokens: usize,
    /// Threads used at most.
    pub threads: usize,
    /// Texts embedded in a second.
    pub texts_per_sec: f64,
    /// Texts embedded in a second of processor time, which other programs disturb less; `None` where the system does not
    /// say how much was used.
    pub texts_per_cpu_sec: Option<f64>,
    /// How long one text alone takes.
    pub alone: Duration,
}

/// Measures the model in `model_dir` for `seconds` at each length; `progress` hears of each.
///
/// # Errors
/// When the model cannot be loaded or fails.
pub fn embedding(
    model_dir: &Path,
    threads: usize,
    seconds: f64,
    progress: &dyn Fn(&EmbeddingSpeed),
) -> Result<(), LlmError> {
    let embedder = LocalEmbedder::load(model_dir)?.with_threads(threads);
    for words in LENGTHS {
        let texts: Vec<String> = (0..TEXTS).map(|seed| text(words, seed)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        embedder.embed(&texts)?;
        let (mut count, began, cpu_began) = (0, Instant::now(), cpu_seconds());
        while began.elapsed().as_secs_f64() < seconds {
            count += embedder.embed(&texts)?.len();
        }
        let texts_per_sec = count as f64 / began.elapsed().as_secs_f64();
        let used = cpu_began.zip(cpu_seconds()).map(|(before, after)| after - before);
        let texts_per_cpu_sec = used.filter(|used| *used > 0.0).map(|used| count as f64 / used);
        let mut alone = Vec::new();
        for text in texts.iter().take(21) {
            let began = Instant::now();
            embedder.embed(&[text])?;
            alone.push(began.elapsed());
        }
        alone.sort_unstable();
        let alone = alone.get(alone.len() / 2).copied().unwrap_or_default();
        let tokens = words + 2;
        progress(&EmbeddingSpeed { tokens, threads, texts_per_sec, texts_per_cpu_sec, alone });
    }
    Ok(())
}

/// Processor time of this process so far, where the system says so.
fn cpu_seconds() -> Option<f64> {
    /// Linux counts in hundredths of a second, whatever the kernel's own tick is.
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The fields after the program's name, which stands in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SEC)
}

fn text(words: usize, seed: usize) -> String {
    let word = |at: usize| WORDS.get((seed * 7 + at * at + at * seed) % WORDS.len()).copied();
    (0..words).filter_map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn texts_have_the_words_asked_for_and_differ() {
        assert_eq!(text(62, 3).split(' ').count(), 62);
        assert_ne!(text(62, 3), text(62, 4));
    }
}
