//! The local embedder: all-MiniLM-L6-v2 on the processor.
//!
//! A text becomes 384 numbers of length one; the dot product of two of them is their cosine similarity. Only the first
//! 256 tokens of a text count. The same text gives the same vector to within rounding, whatever it is batched with.

use super::Embedder;
use super::network::{Network, WIDTH};
use super::parallel::each;
use super::weights::{MODEL, TOKENIZER, read_pinned, weights_error};
use crate::LlmError;
use std::path::Path;
use tokenizers::{Tokenizer, TruncationParams};

/// The model by the beginning of its hash, and how many tokens of a text it looks at.
const IDENTITY: &str = "all-MiniLM-L6-v2 53aa51172d142c89, 256 tokens";

/// Tokens of a text that are looked at; the model was trained on no more.
const TOKENS_MAX: usize = 256;

/// Tokens that go through the network together, about: enough to keep its weights in the cache for a while, few enough
/// that what stands for them stays there too.
const BATCH_TOKENS: usize = 512;

/// Bytes of a text that are looked at, so that tokenising a huge text costs no more than a long one.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// Turns text into vectors with a model that is held in memory.
pub struct LocalEmbedder {
    network: Network,
    tokenizer: Tokenizer,
    threads: usize,
}

impl std::fmt::Debug for LocalEmbedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LocalEmbedder(all-MiniLM-L6-v2)")
    }
}

impl LocalEmbedder {
    /// Length of every vector.
    pub const DIMENSIONS: usize = WIDTH;

    /// Loads `model.safetensors` and `tokenizer.json` from `model_dir`, for use with all cores.
    ///
    /// Both files are hashed on every load and refused unless they are the pinned ones. Blocking; takes a few tenths of
    /// a second and about 90 MB of memory for as long as the embedder lives.
    pub fn load(model_dir: &Path) -> Result<Self, LlmError> {
        let tokenizer_json = read_pinned(model_dir, &TOKENIZER)?;
        let weights = read_pinned(model_dir, &MODEL)?;
        let tokenizer = build_tokenizer(&tokenizer_json)
            .map_err(|error| weights_error(&model_dir.join(TOKENIZER.name), error.to_string()))?;
        let network = Network::read(&weights)
            .map_err(|error| weights_error(&model_dir.join(MODEL.name), error.to_string()))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { network, tokenizer, threads })
    }

    /// The same embedder, using at most so many threads at a time.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    fn tokens(&self, text: &str) -> Result<Vec<u32>, LlmError> {
        let encoding = self.tokenizer.encode_fast(head(text), true);
        Ok(encoding.map_err(embedding_error)?.get_ids().to_vec())
    }
}

impl Embedder for LocalEmbedder {
    fn identity(&self) -> &str {
        IDENTITY
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        let tokenised = each(texts, self.threads, |text| self.tokens(text))?;
        let texts: Vec<Vec<u32>> = tokenised.into_iter().collect::<Result<_, _>>()?;
        let batches = batches(&texts);
        let embedded = each(&batches, self.threads, |batch| self.network.embed(batch))?;
        Ok(embedded.into_iter().flatten().collect())
    }
}

/// Texts next to each other with [`BATCH_TOKENS`] tokens together, or a little more.
fn batches(texts: &[Vec<u32>]) -> Vec<Vec<&[u32]>> {
    let mut batches: Vec<Vec<&[u32]>> = Vec::new();
    let mut room = 0;
    for text in texts {
        match batches.last_mut().filter(|_| room > 0) {
            Some(batch) => batch.push(text),
            None => {
                room = BATCH_TOKENS;
                batches.push(vec![text]);
            }
        }
        room = room.saturating_sub(text.len());
    }
    batches
}

fn build_tokenizer(tokenizer_json: &[u8]) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(tokenizer_json)?;
    // The file asks for padding to a fixed width and a shorter cut; both are ours to decide.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams {
        max_length: TOKENS_MAX,
        ..TruncationParams::default()
    }))?;
    Ok(tokenizer)
}

/// The part of a text that can matter.
fn head(text: &str) -> &str {
    let text = text.trim_start();
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}

fn embedding_error(error: impl std::fmt::Display) -> LlmError {
    LlmError::Embedding { detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_filled_in_order_and_lose_nothing() {
        let texts: Vec<Vec<u32>> =
            [3, 500, 200, 256, 256, 9, 0, 1].map(|count| vec![7; count]).to_vec();
        let sizes: Vec<Vec<usize>> = batches(&texts)
            .iter()
            .map(|batch| batch.iter().map(|text| text.len()).collect())
            .collect();
        assert_eq!(sizes, [vec![3, 500, 200], vec![256, 256], vec![9, 0, 1]]);
        assert!(batches(&[]).is_empty());
    }
}
