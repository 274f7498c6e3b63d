"""How long the native kernels take: one window, and many sequences beside PyTorch's own module.

    python bench/native.py                     every path of this processor, two threads
    python bench/native.py --paths avx2 --turns 9 --threads 1
    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python bench/native.py --paths avx2

The first part is one sequence of 128 steps: microseconds of a call, with what Python takes, the
shortest and the median (`--sequences 0`: no more than that). The second part is 10,000 sequences of
100 steps through both directions of an LSTM of 100 units, PyTorch's module on padded and on packed
batches, by turns; seconds, the medians, and their ratio to segue's; and the least seconds that the
processors computed, without those in which the system finds memory for the outputs, 800 MB: a
virtual machine takes up to two seconds for them. With `--lengths` the sequences have 1 to 100
steps.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from segue.kernels.native import Kernels, NativeUnavailableError, load
from segue.kernels.ragged import Ragged

GATES = {"lstm": 4, "gru": 3, "gru_before": 3, "rnn_tanh": 1}
WINDOWS = [(cell, 1, 64) for cell in GATES] + [("lstm", 64, 64), ("lstm", 28, 128)]
SEQUENCES, STEPS, CHANNELS, UNITS = 10_000, 100, 12, 100


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_window(kernels: Kernels, cell: str, channels: int, units: int) -> list[float]:
    rng, width = np.random.default_rng(0), GATES[cell] * units
    bias = (2, width) if cell == "gru" else (width,)
    sizes = ((channels, width), (units, width), bias)
    weights = [rng.uniform(-0.1, 0.1, size).astype(np.float32) for size in sizes]
    packed = kernels.pack_recurrent(cell, *weights)
    values = rng.standard_normal((128, channels)).astype(np.float32)
    offsets = np.array([0, 128])
    return [timed(lambda: kernels.recurrent(packed, values, offsets)) * 1e6 for _ in range(2000)]


def many_sequences(
    kernels: Kernels, lengths: np.ndarray, turns: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each turn, by the clock and of the processors in the program."""
    rng = np.random.default_rng(0)
    module = torch.nn.LSTM(CHANNELS, UNITS, batch_first=True, bidirectional=True).eval()
    packed = []
    for end in ("_l0", "_l0_reverse"):
        w, u, b, c = (
            getattr(module, name + end).detach().numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        packed.append(kernels.pack_recurrent("lstm", w.T, u.T, b + c))
    padded = rng.standard_normal((len(lengths), STEPS, CHANNELS)).astype(np.float32)
    x, batch = Ragged.from_padded(padded, lengths), torch.from_numpy(padded)

    def segue() -> np.ndarray:
        out = np.empty((len(x.values), 2 * UNITS), np.float32)
        for backward, cell in enumerate(packed):
            half = out[:, backward * UNITS : (backward + 1) * UNITS]
            kernels.recurrent(cell, x.values, x.offsets, out=half, backward=bool(backward))
        return out

    def segue_last() -> None:
        for backward, cell in enumerate(packed):
            kernels.recurrent(cell, x.values, x.offsets, backward=bool(backward), every=False)

    @torch.inference_mode()
    def torch_packed() -> torch.Tensor:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        ragged = pack(batch, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False)
        return torch.nn.utils.rnn.pad_packed_sequence(module(ragged)[0], batch_first=True)[0]

    @torch.inference_mode()
    def torch_padded() -> torch.Tensor:
        return module(batch)[0]

    real = np.arange(STEPS) < lengths[:, None]
    difference = np.abs(segue() - torch_packed().numpy()[real[:, : lengths.max()]]).max()
    assert difference < 1e-5, difference
    runs = (segue, segue_last, torch_padded, torch_packed)
    taken: dict[str, list[tuple[float, float]]] = {run.__name__: [] for run in runs}
    for _ in range(turns):
        for run in runs:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            seconds = timed(run)
            computed = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
            taken[run.__name__].append((seconds, computed))
    return taken


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    flags = " ".join(line for line in lines if line.startswith("flags"))
    has = [word for word in ("avx2", "avx512f", "amx_bf16") if f" {word}" in flags]
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {' '.join(has)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--paths", nargs="+", default=["avx512", "avx2", "portable"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--lengths", action="store_true", help="1 to 100 steps instead of 100")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(machine(), f"PyTorch {torch.__version__}", f"{given.threads} threads", sep="; ")
    lengths = np.full(given.sequences, STEPS)
    if given.lengths:
        lengths = np.random.default_rng(1).integers(1, STEPS + 1, given.sequences)
    for path in given.paths:
        try:
            kernels = load(path, given.threads)
        except NativeUnavailableError as error:
            print(f"{path}: {error}")
            continue
        for cell, channels, units in WINDOWS:
            found = one_window(kernels, cell, channels, units)
            times = f"{min(found):.0f} us, median {statistics.median(found):.0f}"
            print(f"{path}: one window of {channels} channels, {cell}({units}): {times}")
        if not given.sequences:
            continue
        taken = many_sequences(kernels, lengths, given.turns)
        clock = {name: [turn[0] for turn in runs] for name, runs in taken.items()}
        least = {name: min(turn[1] for turn in runs) for name, runs in taken.items()}
        medians = {name: statistics.median(seconds) for name, seconds in clock.items()}
        for name, seconds in clock.items():
            spread = f"{min(seconds):.2f} to {max(seconds):.2f} s"
            ratio, computed = medians[name] / medians["segue"], least[name] / least["segue"]
            print(
                f"{path}: bilstm(100), {name}: {medians[name]:.2f} s ({spread}), {ratio:.2f}; "
                f"computed {least[name]:.2f} s, {computed:.2f}"
            )


if __name__ == "__main__":
    main()
