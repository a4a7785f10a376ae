"""Measures the embedding model under onnxruntime, to compare with `groundcrew eval embedding`.

usage: embedding_peer.py MODEL_DIR [THREADS] [SECONDS]

Builds the network from the same weights with onnxruntime's own fused operators (one for attention, one for a layer norm
with its sum, one for the activation with its bias), which is the form its optimiser aims at, as 32-bit floating point and
with its dynamic 8-bit quantisation. Texts are token ids made up, without padding. Needs onnx, onnxruntime, numpy and
safetensors.
"""

import os
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

WIDTH, HEADS, LAYERS, EPSILON = 384, 12, 6, 1e-12
FUSED = "com.microsoft"
# Tokens of a text and texts in a pass; of each length the best pass counts.
SHAPES = [(16, 1), (16, 32), (64, 1), (64, 8), (64, 32), (128, 1), (128, 4), (128, 16), (256, 1), (256, 2), (256, 8)]


def build(weights, path):
    """Writes the network to path."""
    tensors, nodes = [], []

    def tensor(name, numbers):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(numbers), name))
        return name

    def node(kind, inputs, output, **attributes):
        domain = "" if kind == "MatMul" else FUSED
        nodes.append(helper.make_node(kind, inputs, output, domain=domain, **attributes))

    def norm(name):
        return [tensor(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]

    def linear(name, source, output):
        node("MatMul", [source, tensor(f"{name}.transposed", weights[f"{name}.weight"].T)], [output])
        return tensor(f"{name}.bias", weights[f"{name}.bias"])

    tables = [tensor(f"{kind}s", weights[f"embeddings.{kind}_embeddings.weight"]) for kind in ("word", "position", "token_type")]
    node("EmbedLayerNormalization", ["ids", "types", *tables, *norm("embeddings.LayerNorm"), "mask"], ["x0", "lengths"], epsilon=EPSILON)
    for layer in range(LAYERS):
        name, x = f"encoder.layer.{layer}", f"x{layer}"
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        matrix = tensor(f"{name}.qkv", np.concatenate([weights[f"{part}.weight"].T for part in parts], 1))
        bias = tensor(f"{name}.qkv_bias", np.concatenate([weights[f"{part}.bias"] for part in parts]))
        node("Attention", [x, matrix, bias, "lengths"], [f"a{layer}"], num_heads=HEADS)
        bias = linear(f"{name}.attention.output.dense", f"a{layer}", f"o{layer}")
        node("SkipLayerNormalization", [f"o{layer}", x, *norm(f"{name}.attention.output.LayerNorm"), bias], [f"n{layer}"], epsilon=EPSILON)
        bias = linear(f"{name}.intermediate.dense", f"n{layer}", f"m{layer}")
        node("BiasGelu", [f"m{layer}", bias], [f"h{layer}"])
        bias = linear(f"{name}.output.dense", f"h{layer}", f"d{layer}")
        node("SkipLayerNormalization", [f"d{layer}", f"n{layer}", *norm(f"{name}.output.LayerNorm"), bias], [f"x{layer + 1}"], epsilon=EPSILON)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["texts", "tokens"]) for name in ("ids", "types", "mask")]
    output = helper.make_tensor_value_info(f"x{LAYERS}", TensorProto.FLOAT, ["texts", "tokens", WIDTH])
    graph = helper.make_graph(nodes, "minilm", inputs, [output], tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def speed(session, ids, seconds):
    """Texts per second, and per second of processor time."""
    inputs = {"ids": ids, "types": np.zeros_like(ids), "mask": np.ones_like(ids)}
    session.run(None, inputs)
    count, began, cpu_began = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        session.run(None, inputs)
        count += len(ids)
    return count / (time.perf_counter() - began), count / (time.process_time() - cpu_began)


def main():
    model_dir, threads, seconds = (sys.argv[1:] + [1, 3][len(sys.argv) - 2 :])[:3]
    threads, seconds = int(threads), float(seconds)
    weights = safetensors.numpy.load_file(os.path.join(model_dir, "model.safetensors"))
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        plain, small = os.path.join(folder, "f32.onnx"), os.path.join(folder, "int8.onnx")
        build(weights, plain)
        quantize_dynamic(plain, small, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": TensorProto.FLOAT})
        for name, path in (("f32", plain), ("int8", small)):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            best = {}
            for tokens, texts in SHAPES:
                ids = random.integers(1_000, 30_000, (texts, tokens)).astype(np.int32)
                wall, cpu = speed(session, ids, seconds / 3)
                if cpu > best.get(tokens, (0, 0, 0))[1]:
                    best[tokens] = (wall, cpu, texts)
            for tokens, (wall, cpu, texts) in best.items():
                print(f"{name} {tokens:>4} tokens, {threads} threads: {wall:.1f} texts per second, {cpu:.1f} per second of processor time ({texts} at a time)", flush=True)


main()
