"""Writes the reference figures that the embedder is tested against.

usage: embedding_reference.py MODEL_DIR > crates/llm/src/embed/reference.json

A second implementation of the model, as plain as can be: numpy in double precision, one sentence at a time, so that
neither rounding nor padding is shared with the one under test. Needs numpy, safetensors and tokenizers.
"""

import json
import math
import sys

import numpy as np
import safetensors.numpy
import tokenizers

LAYERS, HEADS, TOKENS_MAX, SHOWN = 6, 12, 256, 24

SENTENCES = [
    "This is an example sentence",
    "Each sentence is converted",
    "checkout fails with connection timeouts to the database",
    "the shop cannot reach its DB, requests time out at payment",
    "A cat sleeps in the sun",
    "OOMKilled: container exceeded its memory limit of 512Mi",
    "pod restarted after running out of memory",
    "Größenänderung 数据库 連接 🦀 café",
    "ERROR",
    "retry " * 400,
]

erf = np.vectorize(math.erf)


def layer_norm(x, weights, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def attention(x, weights, name):
    def heads(part):
        return linear(x, weights, f"{name}.self.{part}").reshape(len(x), HEADS, -1).transpose(1, 0, 2)

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    scores /= scores.sum(-1, keepdims=True)
    return linear((scores @ value).transpose(1, 0, 2).reshape(len(x), -1), weights, f"{name}.output.dense")


def embed(ids, weights):
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + weights["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(x, weights, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        x = layer_norm(x + attention(x, weights, f"{name}.attention"), weights, f"{name}.attention.output.LayerNorm")
        inner = linear(x, weights, f"{name}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = layer_norm(x + linear(inner, weights, f"{name}.output.dense"), weights, f"{name}.output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def main():
    tokenizer = tokenizers.Tokenizer.from_file(f"{sys.argv[1]}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_MAX)
    weights = safetensors.numpy.load_file(f"{sys.argv[1]}/model.safetensors")
    weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    vectors = np.stack([embed(tokenizer.encode(sentence).ids, weights) for sentence in SENTENCES])
    reference = {
        "sentences": SENTENCES,
        "first_numbers": np.round(vectors[:, :SHOWN], 6).tolist(),
        "cosines": np.round(vectors @ vectors.T, 6).tolist(),
    }
    lines = [f'  "{key}": [\n' + ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows) + "\n  ]" for key, rows in reference.items()]
    print("{\n" + ",\n".join(lines) + "\n}")


main()
