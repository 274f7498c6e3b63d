"""Initial weights: float32 arrays of a shape, drawn by a generator, as in Keras."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array

Draw = Callable[[tuple[int, ...], Generator], Array]  # of a shape
Initializers = Mapping[str, Draw]  # by the name of the weight


def zeros(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """No draw at all."""
    return np.zeros(shape, np.float32)


def ones(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """Likewise."""
    return np.ones(shape, np.float32)


def uniform(shape: tuple[int, ...], generator: Generator, bound: float = 1.0) -> Array:
    """Evenly between `-bound` and `bound`."""
    values = generator.random(shape, np.float32)
    values *= 2 * bound
    values -= np.float32(bound)
    return values


def normal(shape: tuple[int, ...], generator: Generator, deviation: float = 1.0) -> Array:
    """Normal, with the mean 0."""
    values = generator.standard_normal(shape, np.float32)
    values *= deviation
    return values


def glorot_uniform(shape: tuple[int, ...], generator: Generator) -> Array:
    """Uniform within sqrt(6 / (fan_in + fan_out)); Glorot & Bengio, AISTATS 2010.

    Args:
        shape: `[in, out]`, or `[kernel_size, in, out]` of a convolution, whose fans count each tap.
        generator: for the values.
    """
    fans = (shape[-2] + shape[-1]) * math.prod(shape[:-2])
    return uniform(shape, generator, (6.0 / fans) ** 0.5)


def orthogonal(shape: tuple[int, ...], generator: Generator) -> Array:
    """Orthogonal rows or columns, whichever are fewer; Saxe et al., ICLR 2014.

    The factorisation is in float64: what the number of threads or the processor may change of its
    last bits is rounded away. It is on one thread: those of a BLAS library turn for a tenth of a
    second when they have done their part, and would keep the processors from the training.
    """
    from threadpoolctl import threadpool_limits

    rows, columns = shape
    tall = generator.standard_normal((max(rows, columns), min(rows, columns)))
    with threadpool_limits(1, "blas"):
        q, r = np.linalg.qr(tall)
    q *= np.sign(np.diagonal(r))  # makes the draw uniform over the orthogonal matrices
    return np.ascontiguousarray(q if rows >= columns else q.T, np.float32)


def random_kernels(shape: tuple[int, ...], generator: Generator) -> Array:
    """Normal, centred over the taps; channels that a kernel does not see have zeros.

    Args:
        shape: `[kernel_size, in, kernels]`.
        generator: for the values.
    """
    _, channels, kernels = shape
    weights = normal(shape, generator)
    weights -= weights.mean(0)
    power = generator.random(kernels) * math.log2(channels + 1)
    wanted = np.clip(np.floor(2**power), 1, channels)
    order = generator.random((kernels, channels)).argsort(1).argsort(1)
    return weights * (order < wanted[:, None]).T
