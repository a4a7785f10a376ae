"""Makes a tiny language model of random numbers, and serves it by the OpenAI protocol.

usage: tiny_model.py MODEL_FILE PORT

The model has about a hundred thousand parameters, a tokenizer and a chat template of its own, and says nonsense in real
words. What matters is the server: llama.cpp's own, which many people run, so that the client is tested against a
protocol that nobody here wrote, streaming, JSON mode and refusals included. Needs gguf, numpy and xllamacpp.
"""

import os
import pathlib
import sys
import threading

import gguf
import numpy as np

EMBEDDING, HEADS, INNER, LAYERS, CONTEXT = 64, 4, 128, 2, 16384
WORDS = (
    "the a of to and in is it was for on service checkout payment cart error errors timeout since after before"
    " deploy memory latency database pod node likely because evidence trace log rose fell from at with no not"
    " new config request requests failed slow queue cache disk network restart limit reached unknown"
).split()
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}{% endif %}"
)


def vocabulary():
    """Tokens with their scores and types: control tokens, every byte, printable characters, whole words."""
    kind = gguf.TokenType
    tokens = [("<unk>", 0.0, kind.UNKNOWN), ("<s>", 0.0, kind.CONTROL), ("</s>", 0.0, kind.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, kind.BYTE) for byte in range(256)]
    tokens += [(chr(code), -1000.0, kind.NORMAL) for code in range(33, 127)]
    tokens += [("\u2581", -1000.0, kind.NORMAL)]
    tokens += [("\u2581" + word, -float(rank), kind.NORMAL) for rank, word in enumerate(WORDS)]
    return tokens


def write_model(path):
    tokens = vocabulary()
    numbers = np.random.default_rng(20261125)

    def matrix(*shape, scale=0.08):
        return numbers.normal(0.0, scale, shape).astype(np.float32)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([text.encode() for text, _, _ in tokens])
    writer.add_token_scores([score for _, score, _ in tokens])
    writer.add_token_types([kind for _, _, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)

    # Rows of words are longer than the others, so that words are said more often than bytes.
    loudness = np.array([3.0 if len(text) > 1 and text[0] == "\u2581" else 0.3 for text, _, _ in tokens], np.float32)
    writer.add_tensor("token_embd.weight", matrix(len(tokens), EMBEDDING))
    writer.add_tensor("output.weight", matrix(len(tokens), EMBEDDING) * loudness[:, None])
    writer.add_tensor("output_norm.weight", np.ones(EMBEDDING, np.float32))
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}.{part}.weight", matrix(EMBEDDING, EMBEDDING))
        writer.add_tensor(f"{block}.ffn_gate.weight", matrix(INNER, EMBEDDING))
        writer.add_tensor(f"{block}.ffn_up.weight", matrix(INNER, EMBEDDING))
        writer.add_tensor(f"{block}.ffn_down.weight", matrix(EMBEDDING, INNER))
        for part in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{part}.weight", np.ones(EMBEDDING, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path, port):
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {"tiny-random"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.use_jinja = True
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    print(f"serving {path} at {server.listening_address}/v1", flush=True)
    threading.Event().wait()


def main():
    path, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        write_model(unfinished)
        os.replace(unfinished, path)
    serve(path, port)


main()
