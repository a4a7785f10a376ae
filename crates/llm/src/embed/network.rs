//! The network of all-MiniLM-L6-v2: six layers of a transformer encoder (Vaswani et al., "Attention Is All You Need",
//! 2017; Devlin et al., "BERT", 2018; Wang et al., "MiniLM", 2020), then the mean over the tokens.
//!
//! Texts that go through together lie one after another, without padding: all layers but attention look at one token at
//! a time, and attention is done text by text.

use safetensors::tensor::{Dtype, SafeTensors};

use super::elementwise::{Norm, gelu, layer_norm, normalise, softmax};
use super::matrix::{Packed, add_product};

/// Length of what stands for a token between layers, and of an embedding.
pub(super) const WIDTH: usize = 384;
const LAYERS: usize = 6;
/// Length of a query; a token has twelve, for as many heads of attention.
const HEAD_WIDTH: usize = 32;
/// Width of the inner layer of a feed-forward step.
const INNER: usize = 1_536;
const VOCABULARY: usize = 30_522;
/// Tokens of a text for which there are positions.
const POSITIONS: usize = 512;

/// The weights, packed.
pub(super) struct Network {
    words: Vec<f32>,
    /// Position plus the one type of token that is used.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Layer {
    /// Queries, keys and values beside each other.
    attention: Linear,
    output: Linear,
    output_norm: Norm,
    inner: Linear,
    outer: Linear,
    outer_norm: Norm,
}

struct Linear {
    weights: Packed,
    bias: Vec<f32>,
}

/// A tensor that is missing or has another shape or type, by its name.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadWeights(String);

impl Network {
    /// Reads the weights from the bytes of a safetensors file.
    pub(super) fn read(safetensors: &[u8]) -> Result<Self, BadWeights> {
        let tensors =
            SafeTensors::deserialize(safetensors).map_err(|error| BadWeights(error.to_string()))?;
        let weights = Weights(&tensors);
        let words = weights.numbers("embeddings.word_embeddings.weight", VOCABULARY * WIDTH)?;
        let mut positions =
            weights.numbers("embeddings.position_embeddings.weight", POSITIONS * WIDTH)?;
        let types = weights.numbers("embeddings.token_type_embeddings.weight", 2 * WIDTH)?;
        for position in positions.chunks_exact_mut(WIDTH) {
            add(position, &types);
        }
        let layers = (0..LAYERS)
            .map(|number| weights.layer(&format!("encoder.layer.{number}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { words, positions, norm: weights.norm("embeddings.LayerNorm")?, layers })
    }

    /// The embeddings of texts given as token ids, each of length one. A text without tokens gives zeros.
    pub(super) fn embed(&self, texts: &[&[u32]]) -> Vec<Vec<f32>> {
        let mut tokens = self.look_up(texts);
        layer_norm(&mut tokens, &self.norm);
        let mut room = Room::default();
        for layer in &self.layers {
            layer.apply(&mut tokens, texts, &mut room);
        }
        let mut rest = tokens.chunks_exact(WIDTH);
        texts
            .iter()
            .map(|text| {
                let mut embedding = vec![0.0; WIDTH];
                // The mean's divisor cancels out when the length is made one, so the sum is as good as the mean.
                rest.by_ref().take(text.len()).for_each(|token| add(&mut embedding, token));
                normalise(&mut embedding);
                embedding
            })
            .collect()
    }

    fn look_up(&self, texts: &[&[u32]]) -> Vec<f32> {
        let count: usize = texts.iter().map(|text| text.len()).sum();
        let mut tokens = vec![0.0; count * WIDTH];
        let ids = texts.iter().flat_map(|text| text.iter().enumerate());
        for (token, (position, id)) in tokens.chunks_exact_mut(WIDTH).zip(ids) {
            add(token, row(&self.words, *id as usize));
            add(token, row(&self.positions, position));
        }
        tokens
    }
}

/// Memory to work in, kept from layer to layer: to ask the system for it each time costs a tenth of all.
#[derive(Default)]
struct Room {
    projected: Vec<f32>,
    attended: Vec<f32>,
    inner: Vec<f32>,
    strips: Vec<f32>,
    head: HeadRoom,
}

/// The same for one head of attention.
#[derive(Default)]
struct HeadRoom {
    queries: Vec<f32>,
    keys: Packed,
    values: Packed,
    shares: Vec<f32>,
    taken: Vec<f32>,
}

impl Layer {
    /// Replaces what stands for `tokens` by what this layer makes of it.
    fn apply(&self, tokens: &mut [f32], texts: &[&[u32]], room: &mut Room) {
        self.attention.apply(tokens, &mut room.projected, &mut room.strips);
        attend(texts, room);
        self.output.add_to(tokens, &room.attended, &mut room.strips);
        layer_norm(tokens, &self.output_norm);
        self.inner.apply(tokens, &mut room.inner, &mut room.strips);
        gelu(&mut room.inner);
        self.outer.add_to(tokens, &room.inner, &mut room.strips);
        layer_norm(tokens, &self.outer_norm);
    }
}

impl Linear {
    /// Puts what this makes of `tokens`, each [`WIDTH`] long, into `result`.
    fn apply(&self, tokens: &[f32], result: &mut Vec<f32>, strips: &mut Vec<f32>) {
        result.clear();
        for _ in 0..tokens.len() / WIDTH {
            result.extend_from_slice(&self.bias);
        }
        add_product(tokens, &self.weights, result, strips);
    }

    /// Adds what this makes of `from` to `sums`.
    fn add_to(&self, sums: &mut [f32], from: &[f32], strips: &mut Vec<f32>) {
        for row in sums.chunks_exact_mut(self.bias.len()) {
            add(row, &self.bias);
        }
        add_product(from, &self.weights, sums, strips);
    }
}

/// What the tokens of each text take from one another: from a query, a key and a value per token to `attended`.
fn attend(texts: &[&[u32]], room: &mut Room) {
    room.attended.clear();
    room.attended.resize(room.projected.len() / 3, 0.0);
    let (mut from, mut to) = (room.projected.as_slice(), room.attended.as_mut_slice());
    for text in texts {
        let (text_from, rest_from) = from.split_at(text.len() * 3 * WIDTH);
        let (text_to, rest_to) = to.split_at_mut(text.len() * WIDTH);
        for column in (0..WIDTH).step_by(HEAD_WIDTH) {
            room.head.attend(text_from, column, text_to, &mut room.strips);
        }
        (from, to) = (rest_from, rest_to);
    }
}

impl HeadRoom {
    /// One head of attention within one text; `column` is where the head begins in a token's query.
    fn attend(
        &mut self,
        projected: &[f32],
        column: usize,
        attended: &mut [f32],
        strips: &mut Vec<f32>,
    ) {
        let part = |kind: usize| {
            projected.chunks_exact(3 * WIDTH).map(move |token| {
                let begin = kind * WIDTH + column;
                token.get(begin..begin + HEAD_WIDTH).unwrap_or_default()
            })
        };
        let count = projected.len() / (3 * WIDTH);
        let scale = 1.0 / (HEAD_WIDTH as f32).sqrt();
        self.queries.clear();
        for query in part(0) {
            self.queries.extend(query.iter().map(|x| x * scale));
        }
        self.keys.pack_columns(HEAD_WIDTH, part(1));
        self.values.pack_rows(HEAD_WIDTH, part(2));
        zeros(&mut self.shares, count * count);
        add_product(&self.queries, &self.keys, &mut self.shares, strips);
        softmax(&mut self.shares, count);
        zeros(&mut self.taken, count * HEAD_WIDTH);
        add_product(&self.shares, &self.values, &mut self.taken, strips);
        let taken = self.taken.chunks_exact(HEAD_WIDTH);
        for (token, taken) in attended.chunks_exact_mut(WIDTH).zip(taken) {
            let place = token.get_mut(column..column + HEAD_WIDTH).unwrap_or_default();
            place.copy_from_slice(taken);
        }
    }
}

fn zeros(numbers: &mut Vec<f32>, count: usize) {
    numbers.clear();
    numbers.resize(count, 0.0);
}

fn add(sums: &mut [f32], more: &[f32]) {
    for (sum, x) in sums.iter_mut().zip(more) {
        *sum += x;
    }
}

fn row(table: &[f32], number: usize) -> &[f32] {
    table.get(number * WIDTH..(number + 1) * WIDTH).unwrap_or_default()
}

/// The tensors of a file, by name.
struct Weights<'f>(&'f SafeTensors<'f>);

impl Weights<'_> {
    fn numbers(&self, name: &str, count: usize) -> Result<Vec<f32>, BadWeights> {
        let tensor = self.0.tensor(name).map_err(|error| BadWeights(format!("{name}: {error}")))?;
        let (numbers, rest) = tensor.data().as_chunks::<4>();
        if tensor.dtype() != Dtype::F32 || numbers.len() != count || !rest.is_empty() {
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            let message = format!("{name} is {dtype:?} of shape {shape:?}, not {count} of F32");
            return Err(BadWeights(message));
        }
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn norm(&self, name: &str) -> Result<Norm, BadWeights> {
        let scale = self.numbers(&format!("{name}.weight"), WIDTH)?;
        Ok(Norm { scale, shift: self.numbers(&format!("{name}.bias"), WIDTH)? })
    }

    /// Several linear steps of the same `depth` that are done as one, their outputs beside each other.
    fn linear(&self, names: &[String], depth: usize, columns: usize) -> Result<Linear, BadWeights> {
        let (mut rows, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            // Stored as its transpose: a row is a column of what is multiplied with.
            rows.extend(self.numbers(&format!("{name}.weight"), depth * columns)?);
            bias.extend(self.numbers(&format!("{name}.bias"), columns)?);
        }
        Ok(Linear { weights: Packed::from_columns(depth, rows.chunks_exact(depth)), bias })
    }

    fn layer(&self, name: &str) -> Result<Layer, BadWeights> {
        let attention =
            ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
        let one = |part: &str| [format!("{name}.{part}")];
        Ok(Layer {
            attention: self.linear(&attention, WIDTH, WIDTH)?,
            output: self.linear(&one("attention.output.dense"), WIDTH, WIDTH)?,
            output_norm: self.norm(&format!("{name}.attention.output.LayerNorm"))?,
            inner: self.linear(&one("intermediate.dense"), WIDTH, INNER)?,
            outer: self.linear(&one("output.dense"), INNER, WIDTH)?,
            outer_norm: self.norm(&format!("{name}.output.LayerNorm"))?,
        })
    }
}
