"""The functions of `segue.kernels.reference` in the native library, whose code is in `native/`.

    kernels = load()
    kernels.dense(x, kernels.pack(kernel), bias)

The library is plain C to Python: ctypes calls it, and one build serves every version of Python. It
has its kernels in several paths: "avx512", "avx2", and "portable", which every processor has. A
result has the same bits whatever stands beside a sequence in its batch, in whatever pieces it
comes, and with any number of threads; another path may differ in the last ones.

Shapes are the caller's to check. Arrays that are not contiguous float32 are copied first.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.kernels import reference

State = tuple[Array, ...]  # [n, units] each

# -- the library ---------------------------------------------------------------------------------

_ABI = 9  # SEGUE_ABI of native/include/segue.h
_FILE = Path(__file__).with_name(f"libsegue.native.{'dll' if sys.platform == 'win32' else 'so'}")
_SIZE, _INT, _DATA, _FLOAT = ctypes.c_int64, ctypes.c_int, ctypes.c_void_p, ctypes.c_float
_RAGGED = (_DATA, _DATA, _SIZE, _SIZE)  # values, offsets, n, features
_WINDOWS = (_DATA, _DATA, _DATA, _SIZE, _SIZE)  # values, offsets, out_offsets, n, features

# The members of `segue_kernels` in their order: the type of the result, and those of the arguments.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "packed_size": (_SIZE, _SIZE, _SIZE),
    "pack": (None, _DATA, _SIZE, _SIZE, _DATA),
    "dense": (_INT, _DATA, _SIZE, _SIZE, _DATA, _DATA, _SIZE, _DATA, _SIZE),
    "packed_cell_size": (_SIZE, _INT, _SIZE, _SIZE),
    "pack_cell": (None, _INT, _DATA, _DATA, _DATA, _SIZE, _SIZE, _DATA),
    "recurrent": (
        *(_INT, _INT, _DATA, _SIZE, _SIZE, _DATA, _DATA, _SIZE),
        *(_DATA, _DATA, _INT, _DATA, _SIZE, _DATA, _DATA, _SIZE),
    ),
    "conv": (_INT, *_WINDOWS, _DATA, _DATA, *[_SIZE] * 5, _DATA, _SIZE),
    "max_pool": (_INT, *_WINDOWS, _SIZE, _SIZE, _SIZE, _DATA, _SIZE),
    "random_conv": (
        *(_INT, *_RAGGED, _DATA, _DATA, *[_SIZE] * 4),
        *(_FLOAT, _DATA, _DATA, _SIZE, _SIZE),
    ),
    "quantiles": (_INT, *_RAGGED, _DATA, _SIZE, _DATA, _SIZE),
    "hydra": (_INT, *_RAGGED, _DATA, _DATA, *[_SIZE] * 3, _DATA, _DATA, _SIZE, _SIZE),
    "multirocket": (_INT, *_RAGGED, _DATA, _DATA, *[_SIZE] * 3, _DATA, *[_SIZE] * 3),
    "rdst": (_INT, *_RAGGED, _DATA, _DATA, *[_SIZE] * 3, _INT, _DATA, *[_SIZE] * 3),
    "attention": (_INT, *[_DATA] * 5, _SIZE, _SIZE, _SIZE, _INT, _DATA, _SIZE),
    "pool": (_INT, *_RAGGED, _INT, _SIZE, _DATA, _SIZE),
    "pool_attention": (_INT, *_RAGGED, _DATA, _DATA, _SIZE),
    "layer_norm": (_INT, _DATA, _SIZE, _SIZE, _DATA, _DATA, _FLOAT, _DATA, _SIZE),
    "scale_shift": (_INT, _DATA, _SIZE, _SIZE, _DATA, _DATA, _DATA, _SIZE),
    "activate": (_INT, _INT, _FLOAT, _DATA, _SIZE, _SIZE, _DATA, _SIZE),
    "train": (_INT, _DATA, _DATA, _DATA, _DATA),
    "shards": (_SIZE, _DATA, _SIZE, _SIZE),
    "recurrent_tape_size": (_SIZE, _DATA),
    "recurrent_forward": (_INT, *[_DATA] * 8, _SIZE),
    "recurrent_backward": (_INT, *[_DATA] * 11, _SIZE),
}

# The numbers of segue_cell and segue_activation.
CELLS = {"lstm": 0, "gru": 1, "gru_before": 2, "rnn_tanh": 3, "rnn_relu": 4}
_ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "hard_silu", "mish",
    "softplus", "squareplus", "sparse_plus", "softsign", "tanh", "hard_tanh", "tanh_shrink",
    "soft_shrink", "hard_shrink", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "log_sigmoid",
    "exponential", "softmax", "log_softmax", "sparsemax",
)  # fmt: skip
_SAME = {"celu": "elu", "swish": "silu", "hard_swish": "hard_silu"}
ACTIVATIONS = {name: _ACTIVATIONS.index(_SAME.get(name, name)) for name in (*_ACTIVATIONS, *_SAME)}


_limit = threading.local()  # `count`: of threads, for calls of this thread of Python


class NativeUnavailableError(Exception):
    """The native library, or a path of it, is not to be had; the text says why."""


@functools.cache
def load(path: str | None = None, threads: int | None = None) -> Kernels:
    """The kernels of a path, or of the fastest that this processor has.

    Args:
        path: "avx512", "avx2" or "portable".
        threads: the most that a call takes; small calls take one. As many as there are processors,
            or as `OMP_NUM_THREADS` in the environment says.

    Raises:
        NativeUnavailableError: the library was not built, or not for this version of segue, or does
            not load; or it has no such path, or the processor has none.
    """
    found = library()
    name = path or found.segue_best_path().decode()
    table = found.segue_path(name.encode())
    if not table:
        raise NativeUnavailableError(f"this processor, or the library as built, has no {name}")
    return Kernels(name, threads or _usable_threads(), table)


# The numbers of segue_precision beside that of float32.
BFLOAT16, PLAIN_BFLOAT16 = 1, 2


@functools.cache
def has_precision(form: int) -> bool:
    """Whether library, processor and system have products in a form of bfloat16."""
    try:
        return bool(library().segue_has_precision(form))
    except NativeUnavailableError:
        return False


@functools.cache
def library() -> ctypes.CDLL:
    """The library with the types of its functions; raise `NativeUnavailableError` without it."""
    if not _FILE.exists():
        raise NativeUnavailableError("the native library was not built")
    try:
        found = ctypes.CDLL(str(_FILE))
    except OSError as error:
        raise NativeUnavailableError(f"the native library does not load: {error}") from error
    abi = found.segue_abi()
    if abi != _ABI:
        raise NativeUnavailableError(f"the native library is of version {abi}, not {_ABI}")
    found.segue_best_path.restype = ctypes.c_char_p
    found.segue_path.restype, found.segue_path.argtypes = _DATA, (ctypes.c_char_p,)
    found.segue_store_new.restype, found.segue_store_new.argtypes = _DATA, ()
    found.segue_store_free.restype, found.segue_store_free.argtypes = None, (_DATA,)
    return found


def _usable_threads() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# -- arrays --------------------------------------------------------------------------------------


def floats(array: Array) -> Array:
    """As contiguous float32, without a copy where it is that."""
    return np.ascontiguousarray(array, np.float32)


def integers(array: Array) -> Array:
    """As contiguous int64, without a copy where it is that."""
    return np.ascontiguousarray(array, np.int64)


_Memory = ctypes.c_char * 0


def address(array: Array | None) -> Any:
    """Where an array lies, as an argument; it must be held until the call has returned."""
    if array is None:
        return None
    try:
        return _Memory.from_buffer(array.data)  # a third of the time that `ctypes.data` takes
    except TypeError:  # it may not be written, or has gaps
        return array.ctypes.data


def aligned(size: int) -> Array:
    """`size` floats, from the beginning of a line of the cache on."""
    line = 16
    block = np.empty(size + line, np.float32)
    first = -(block.ctypes.data // block.itemsize) % line
    return block[first : first + size]


def ragged(values: Array, offsets: Array, *more: Array) -> tuple[Any, ...]:
    """The arguments that a ragged batch is to the library."""
    return (*map(address, (values, offsets, *more)), len(offsets) - 1, values.shape[1])


class Packed(NamedTuple):
    """A kernel in the order in which a path reads it."""

    values: Array
    address: int
    depth: int
    columns: int


class PackedRandomConv(NamedTuple):
    """Random kernels of one dilation, and which of all kernels they are."""

    packed: Packed
    dilation: int
    size: int
    first: int


class PackedCell(NamedTuple):
    """The weights of a recurrent cell in the order in which a path reads them."""

    values: Array
    address: int
    cell: int
    channels: int
    units: int
    states: int


# -- the functions -------------------------------------------------------------------------------


class Kernels:
    """The functions of `reference` on one path; what they take and return is explained there.

    Attributes:
        path: its name.
    """

    def __init__(self, path: str, threads: int, table: int) -> None:
        self.path, self._most = path, threads
        pointers = ctypes.cast(table, ctypes.POINTER(_DATA))
        self._call: dict[str, Callable[..., Any]] = {}
        for number, (name, types) in enumerate(_FUNCTIONS.items()):
            function: Any = ctypes.CFUNCTYPE(*types)(pointers[number])
            if types[0] is _INT:
                function.errcheck = _check_memory
            self._call[name] = function

    @property
    def threads(self) -> int:
        """The most that a call takes now, in this thread of Python."""
        return min(self._most, getattr(_limit, "count", None) or self._most)

    @contextlib.contextmanager
    def limited(self, count: int) -> Iterator[None]:
        """Let calls of this thread of Python take at most `count` threads for a while."""
        before = getattr(_limit, "count", None)
        _limit.count = count
        try:
            yield
        finally:
            _limit.count = before

    def function(self, name: str) -> Callable[..., Any]:
        """A function of the C interface, which takes addresses and numbers."""
        return self._call[name]

    def pack(self, kernel: Array) -> Packed:
        """A kernel `[in, out]` in the form that `dense` and `conv` take."""
        kernel = floats(kernel)
        depth, columns = kernel.shape
        values = aligned(self._call["packed_size"](depth, columns))
        self._call["pack"](address(kernel), depth, columns, address(values))
        return Packed(values, values.ctypes.data, depth, columns)

    def dense(self, x: Array, packed: Packed, bias: Array | None) -> Array:
        """`x @ kernel + bias`: `[rows, in]` to `[rows, out]`."""
        x, rows, bias = floats(x), len(x), None if bias is None else floats(bias)
        out = np.empty((rows, packed.columns), np.float32)
        self._call["dense"](
            *(address(x), rows, packed.depth, packed.address, address(bias)),
            *(packed.columns, address(out), self.threads),
        )
        return out

    def pack_recurrent(
        self, cell: str, kernel: Array, recurrent_kernel: Array, bias: Array
    ) -> PackedCell:
        """The weights of a cell in the form that `recurrent` takes."""
        weights = [floats(part) for part in (kernel, recurrent_kernel, bias)]
        number, sizes = CELLS[cell], (len(kernel), len(recurrent_kernel))
        values = aligned(self._call["packed_cell_size"](number, *sizes))
        self._call["pack_cell"](number, *map(address, weights), *sizes, address(values))
        return PackedCell(values, values.ctypes.data, number, *sizes, 1 + (cell == "lstm"))

    def recurrent(
        self,
        packed: PackedCell,
        values: Array,
        offsets: Array,
        state: State | None = None,
        *,
        backward: bool = False,
        out: Array | None = None,
        every: bool = True,
    ) -> tuple[Array, State]:
        """Run a recurrent cell over each sequence; without `every` only for the state after it."""
        values, offsets = floats(values), integers(offsets)
        n, units = len(offsets) - 1, packed.units
        if out is None:
            out = np.empty((len(values) if every else 0, units), np.float32)
        before = [None, None] if state is None else [floats(part) for part in state]
        after = tuple(np.empty((n, units), np.float32) for _ in range(packed.states))
        self._call["recurrent"](
            *(packed.cell, packed.address, packed.channels, units, address(values)),
            *(address(offsets), n, address(before[0]), address(before[-1])),
            *(backward, address(out) if every else None, out.strides[0] // out.itemsize),
            *(address(after[0]), address(after[-1]), self.threads),
        )
        return out, after

    def conv(
        self,
        values: Array,
        offsets: Array,
        out_offsets: Array,
        packed: Packed,
        bias: Array | None,
        *,
        size: int,
        stride: int,
        dilation: int,
        before: int,
    ) -> Array:
        """A convolution over each sequence; what lies outside it is 0."""
        values, bias = floats(values), None if bias is None else floats(bias)
        offsets, out_offsets = integers(offsets), integers(out_offsets)
        out = np.empty((int(out_offsets[-1]), packed.columns), np.float32)
        self._call["conv"](
            *(*ragged(values, offsets, out_offsets), packed.address, address(bias)),
            *(packed.columns, size, stride, dilation, before, address(out), self.threads),
        )
        return out

    def max_pool(
        self,
        values: Array,
        offsets: Array,
        out_offsets: Array,
        *,
        width: int,
        stride: int,
        before: int,
    ) -> Array:
        """The largest value of each feature in windows as those of `conv`, of real steps only."""
        values, offsets, out_offsets = floats(values), integers(offsets), integers(out_offsets)
        out = np.empty((int(out_offsets[-1]), values.shape[1]), np.float32)
        windows = (width, stride, before)
        self._call["max_pool"](
            *ragged(values, offsets, out_offsets), *windows, address(out), self.threads
        )
        return out

    def pack_random_conv(self, kernel: Array, counts: Sequence[int]) -> list[PackedRandomConv]:
        """The kernels `[size, in, kernels]` by their dilations 1, 2, 4, ..., `counts` of each."""
        size, last = len(kernel), kernel.shape[2]
        firsts = [0, *itertools.accumulate(counts)]
        return [
            PackedRandomConv(
                self.pack(kernel[:, :, first:end].reshape(-1, end - first)), 2**power, size, first
            )
            for power, (first, end) in enumerate(itertools.pairwise(firsts))
            if first < min(end, last)
        ]

    def random_conv(
        self,
        values: Array,
        offsets: Array,
        packed: list[PackedRandomConv],
        biases: Array,
        *,
        skip: int,
        edge: float,
    ) -> tuple[Array, Array]:
        """Sums of positive shares and largest responses of random causal convolutions."""
        values, offsets, biases = floats(values), integers(offsets), floats(biases)
        positive, largest = (np.empty((len(offsets) - 1, len(biases)), np.float32) for _ in "xx")
        for part, dilation, size, first in packed:
            self._call["random_conv"](
                *(*ragged(values, offsets), part.address, address(biases[first:]), part.columns),
                *(size, dilation, skip, edge, address(positive[:, first:])),
                *(address(largest[:, first:]), len(biases), self.threads),
            )
        return positive, largest

    def attention(
        self,
        q: Array,
        k: Array,
        v: Array,
        q_offsets: Array,
        k_offsets: Array,
        *,
        heads: int,
        causal: bool,
    ) -> Array:
        """Scaled dot-product attention of each sequence, in several heads."""
        q, k, v = map(floats, (q, k, v))
        q_offsets, k_offsets = integers(q_offsets), integers(k_offsets)
        out = np.empty_like(q)
        self._call["attention"](
            *map(address, (q, k, v, q_offsets, k_offsets)),
            *(len(q_offsets) - 1, heads, q.shape[1], causal, address(out), self.threads),
        )
        return out

    def pool(self, values: Array, offsets: Array, *, how: str, parts: int) -> Array:
        """The mean or the largest value of each part of each sequence."""
        values, offsets = floats(values), integers(offsets)
        out = np.empty((len(offsets) - 1, parts * values.shape[1]), np.float32)
        self._call["pool"](
            *ragged(values, offsets), how == "mean", parts, address(out), self.threads
        )
        return out

    def pool_attention(self, values: Array, offsets: Array, query: Array) -> Array:
        """The mean over steps weighted by `softmax(values @ query / sqrt(feature))`."""
        values, offsets, query = floats(values), integers(offsets), floats(query)
        out = np.empty((len(offsets) - 1, values.shape[1]), np.float32)
        self._call["pool_attention"](
            *ragged(values, offsets), address(query), address(out), self.threads
        )
        return out

    def layer_norm(self, values: Array, gamma: Array, beta: Array, epsilon: float) -> Array:
        """The features of each step less their mean, divided by their deviation."""
        values, gamma, beta = map(floats, (values, gamma, beta))
        out = np.empty_like(values)
        self._call["layer_norm"](
            *(address(values), *values.shape, address(gamma), address(beta), epsilon),
            *(address(out), self.threads),
        )
        return out

    def scale_shift(self, values: Array, scale: Array, shift: Array) -> Array:
        """`values * scale + shift`, by feature."""
        values, scale, shift = map(floats, (values, scale, shift))
        out = np.empty_like(values)
        self._call["scale_shift"](
            *(address(values), *values.shape, address(scale), address(shift)),
            *(address(out), self.threads),
        )
        return out

    def activate(self, kind: str, parameters: tuple[float, ...], values: Array) -> Array:
        """An activation of `[rows, feature]`, by the word that `segue.layers.activations` has."""
        values = floats(values)
        out = np.empty_like(values)
        self._call["activate"](
            *(ACTIVATIONS[kind], *(parameters or (0.0,)), address(values), *values.shape),
            *(address(out), self.threads),
        )
        return out

    def train(self, network: int, examples: int, updates: int, progress: int) -> None:
        """Many updates of a network: see `segue.kernels.training`, which makes the structures."""
        self._call["train"](network, examples, updates, progress)

    def shards(self, network: int, sequences: int, steps: int) -> int:
        """Into how many shards a batch is cut, when the network is trained."""
        found: int = self._call["shards"](network, sequences, steps)
        return found

    # What only moves numbers is NumPy's.

    def embed(self, tokens: Array, embeddings: Array) -> Array:
        """The vectors `[steps, feature]` of tokens `[steps]`."""
        return embeddings[tokens]

    avg_pool = staticmethod(reference.avg_pool)

    def add(self, values: Sequence[Array]) -> Array:
        """The sum of signals of the same shape."""
        return functools.reduce(np.add, values)

    def concat(self, values: Sequence[Array]) -> Array:
        """Signals side by side: `[rows, sum of features]`."""
        return np.concatenate(values, axis=1)


def _check_memory(failed: int, *_: Any) -> None:
    if failed:
        raise MemoryError("there is no memory for what the kernels need beside their results")
