"""ONNX Runtime: a graph of one LSTM and a head, written by hand (with the package `onnx`)."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from shared import CLASSES, NETWORKS, in_batches, run, weights_of


def prepare(folder: Path) -> None:
    """ONNX orders the gates input, output, forget, cell; segue input, forget, cell, output."""
    from onnx import TensorProto, helper, numpy_helper, save

    for name, (_, channels) in NETWORKS.items():
        found = weights_of(folder, name)
        ends = ["forward/", "backward/"] if name == "many" else [""]
        layer = "bilstm_1" if name == "many" else "lstm_1"
        parts = {}
        for part in ("kernel", "recurrent_kernel", "bias"):
            gates = [np.split(found[f"{layer}/{end}{part}"], 4, axis=-1) for end in ends]
            parts[part] = np.stack([np.concatenate([i, o, f, c], -1).T for i, f, c, o in gates])
        units = parts["recurrent_kernel"].shape[2]
        arrays = {
            "W": parts["kernel"], "R": parts["recurrent_kernel"],
            "B": np.concatenate([parts["bias"], 0 * parts["bias"]], axis=1),
            "head": found["head/kernel"], "bias": found["head/bias"],
            "shape": np.array([-1, len(ends) * units]),
        }  # fmt: skip
        direction = "bidirectional" if name == "many" else "forward"
        node = helper.make_node
        nodes = [
            node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
            node(
                "LSTM",
                ["steps", "W", "R", "B"],
                ["", "hidden"],
                hidden_size=units,
                direction=direction,
            ),
            node("Transpose", ["hidden"], ["rows"], perm=[1, 0, 2]),
            node("Reshape", ["rows", "shape"], ["last"]),
            node("Gemm", ["last", "head", "bias"], ["logits"]),
            node("Softmax", ["logits"], ["probabilities"], axis=1),
        ]
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes, name,
            [info("x", TensorProto.FLOAT, ["batch", "time", channels])],
            [info("probabilities", TensorProto.FLOAT, ["batch", CLASSES])],
            [numpy_helper.from_array(np.ascontiguousarray(a), key) for key, a in arrays.items()],
        )  # fmt: skip
        opset = [helper.make_opsetid("", 17)]
        save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / f"{name}.onnx")


def load(folder: Path, name: str, threads: int) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx", options)
    return partial(in_batches, lambda x: session.run(None, {"x": x})[0])


if __name__ == "__main__":
    run(prepare, load)
