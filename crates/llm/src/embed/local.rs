//! The local embedder: all-MiniLM-L6-v2 on the processor.
//!
//! A text becomes 384 numbers of length one; the dot product of two of them is their cosine similarity. Only the first
//! 256 tokens of a text count. The same text gives the same vector to within rounding, whatever it is batched with.

use super::weights::{MODEL, TOKENIZER, read_pinned, weights_error};
use crate::LlmError;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{
    BertModel, Config, DTYPE, HiddenAct, PositionEmbeddingType,
};
use std::path::Path;
use tokenizers::{Encoding, Tokenizer, TruncationParams};

/// Tokens of a text that are looked at; the model was trained on no more.
const TOKENS_MAX: usize = 256;

/// Texts in one pass through the network. With 16 rather than 4 in a pass, 64 texts took a fifth more processor time.
const BATCH_TEXTS_MAX: usize = 4;

/// Bytes of a text that are looked at, so that tokenising a huge text costs no more than a long one.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// Turns text into vectors with a model that is held in memory.
pub struct LocalEmbedder {
    model: BertModel,
    tokenizer: Tokenizer,
}

impl std::fmt::Debug for LocalEmbedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LocalEmbedder(all-MiniLM-L6-v2)")
    }
}

impl LocalEmbedder {
    /// Length of every vector.
    pub const DIMENSIONS: usize = 384;

    /// Loads `model.safetensors` and `tokenizer.json` from `model_dir`.
    ///
    /// Both files are hashed on every load and refused unless they are the pinned ones. Blocking; takes a few tenths of
    /// a second and about 90 MB of memory for as long as the embedder lives.
    pub fn load(model_dir: &Path) -> Result<Self, LlmError> {
        let tokenizer_json = read_pinned(model_dir, &TOKENIZER)?;
        let weights = read_pinned(model_dir, &MODEL)?;
        let tokenizer = build_tokenizer(&tokenizer_json)
            .map_err(|error| weights_error(&model_dir.join(TOKENIZER.name), error.to_string()))?;
        let model = build_model(&weights)
            .map_err(|error| weights_error(&model_dir.join(MODEL.name), error.to_string()))?;
        Ok(Self { model, tokenizer })
    }

    /// Embeds `texts`, one vector each, in the same order.
    ///
    /// Blocking and heavy on the processor: call it off the async runtime.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        let mut encodings = Vec::with_capacity(texts.len());
        for (position, text) in texts.iter().enumerate() {
            let encoding = self.tokenizer.encode(head(text), true).map_err(embedding_error)?;
            encodings.push((position, encoding));
        }
        // Texts of like length share a batch, so that little of it is padding.
        encodings.sort_by_key(|(_, encoding)| encoding.len());
        let mut placed = Vec::with_capacity(texts.len());
        for batch in encodings.chunks(BATCH_TEXTS_MAX) {
            let vectors = self.embed_batch(batch).map_err(embedding_error)?;
            placed.extend(batch.iter().map(|(position, _)| *position).zip(vectors));
        }
        placed.sort_by_key(|(position, _)| *position);
        Ok(placed.into_iter().map(|(_, vector)| vector).collect())
    }

    fn embed_batch(&self, batch: &[(usize, Encoding)]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = batch.iter().map(|(_, encoding)| encoding.len()).max().unwrap_or(0);
        let mut token_ids = Vec::with_capacity(batch.len() * width);
        let mut mask = Vec::with_capacity(batch.len() * width);
        for (_, encoding) in batch {
            let padding = width - encoding.len();
            token_ids.extend_from_slice(encoding.get_ids());
            token_ids.extend(std::iter::repeat_n(0_u32, padding));
            mask.extend_from_slice(encoding.get_attention_mask());
            mask.extend(std::iter::repeat_n(0_u32, padding));
        }
        let shape = (batch.len(), width);
        let token_ids = Tensor::from_vec(token_ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let hidden = self.model.forward(&token_ids, &token_ids.zeros_like()?, Some(&mask))?;
        mean_of_unmasked(&hidden, &mask)?.to_vec2::<f32>()
    }
}

/// Mean over the tokens that are not padding, scaled to length one.
fn mean_of_unmasked(hidden: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
    let weights = mask.to_dtype(DTYPE)?.unsqueeze(2)?;
    let sum = hidden.broadcast_mul(&weights)?.sum(1)?;
    // The mean's divisor cancels out when the length is made one, so the sum is as good as the mean.
    let length = sum.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(1e-12_f32, f32::MAX)?;
    sum.broadcast_div(&length)
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

fn build_model(weights: &[u8]) -> candle_core::Result<BertModel> {
    let config = Config {
        vocab_size: 30_522,
        hidden_size: LocalEmbedder::DIMENSIONS,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 1_536,
        hidden_act: HiddenAct::Gelu,
        hidden_dropout_prob: 0.1,
        max_position_embeddings: 512,
        type_vocab_size: 2,
        initializer_range: 0.02,
        layer_norm_eps: 1e-12,
        pad_token_id: 0,
        position_embedding_type: PositionEmbeddingType::Absolute,
        use_cache: false,
        classifier_dropout: None,
        model_type: None,
    };
    let mut tensors = candle_core::safetensors::load_buffer(weights, &Device::Cpu)?;
    for (name, tensor) in &mut tensors {
        if name.starts_with("encoder.") && tensor.rank() == 2 {
            // The network multiplies by the transpose of its matrices. Laid out as that transpose, they are read in
            // order, which measured a fifth faster; their shape stays what it was.
            *tensor = tensor.t()?.contiguous()?.t()?;
        }
    }
    BertModel::load(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), &config)
}

/// The part of a text that can matter.
fn head(text: &str) -> &str {
    let text = text.trim_start();
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}

fn embedding_error(error: impl std::fmt::Display) -> LlmError {
    LlmError::Embedding { detail: error.to_string() }
}
