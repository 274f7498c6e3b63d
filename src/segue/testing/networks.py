"""`check_layer` and `check_network`: the promises of everything that a spec can build."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from segue.errors import SpecError
from segue.kernels.threads import threads
from segue.layers import LAYERS, BiRNN, LayerSpec, Shape
from segue.networks import Network, NetworkLike, as_specs, is_custom
from segue.spec import Spec, from_json, parse, to_text
from segue.testing import promises
from segue.testing.report import Finding, Recorder, Report

_OUTPUTS = 3
PROMISES = (
    "text",
    "json",
    "no hidden randomness",
    "same seed, same bits",
    "weights go round",
    "dropout is a pure function",
    "dropout differs",
    "padding",
    "padding has no gradient",
    "training",
    "stream",
    "refuses to stream",
    "gradient",
)


def check_layer(
    spec: LayerSpec | nn.Module | str, shape: Shape | None = None, *, dtype: str | None = None
) -> Report:
    """Run every promise on one kind of layer.

    The layer stands alone in a network, once with an answer for each sequence and once with one at
    every step, as far as it can; where it keeps two directions apart, a `birnn` joins them.

    Args:
        spec: the layer, or its text; it may be your own, of a kind that segue does not know, or a
            `torch.nn.Module` or `Cell` of your own.
        shape: of one example; three channels (tokens for a layer that takes those, one common
            length where it needs that) if left out.
        dtype: "float32" or "float64"; both if left out.

    Returns:
        A `Report` with the largest difference of each promise.

    Raises:
        CheckError: a promise is broken.
        SpecError: the layer cannot be built on this shape at all.

    >>> from segue.layers import GRU
    >>> print(check_layer(GRU(3, output="last"), dtype="float64").passed[0])
    text
    """
    specs = as_specs(spec)
    shape = _default_shape(specs) if shape is None else shape
    reports, refusals = [], []
    for every in (False, True):
        chain = _joined(specs, every=every)
        try:
            Network(chain, shape, _OUTPUTS, every=every)
        except SpecError as error:
            refusals.append(error)
            continue
        reports.append(check_network(chain, shape, every=every, dtype=dtype))
    if not reports:
        raise refusals[0]
    return _together(to_text(specs), reports)


def check_network(
    network: NetworkLike,
    shape: Shape | None = None,
    *,
    outputs: int = _OUTPUTS,
    every: bool = False,
    dtype: str | None = None,
) -> Report:
    """Run every promise on a network with its head.

    padding: the answer for a sequence, and the gradients, do not depend on batch mates, their order
    and number, or on what is behind its end. stream: a step at a time gives the same as the whole;
    a network that is not causal refuses, and names the layer. gradient: of the weights and inputs,
    against finite differences in float64. dropout: a pure function of seed, epoch and step, that
    differs from step to step.
    training: padding does not enter what is learnt of a batch. Besides that: the text, the JSON and
    the weights go round, and the same seed gives the same bits.

    Args:
        network: a text or specs.
        shape: of one example, as in `check_layer`.
        outputs: units of the head.
        every: whether the head answers at every step.
        dtype: "float32" or "float64"; both if left out.

    Returns:
        A `Report` with the largest difference of each promise.

    Raises:
        CheckError: a promise is broken.
    """
    specs = as_specs(network)
    shape = _default_shape(specs) if shape is None else shape
    recorder = Recorder(f"{to_text(specs)} on {shape}{', every step' if every else ''}")
    _check_round_trips(specs, recorder)

    def make(seed: int = 0) -> Network:
        return Network(specs, shape, outputs, every=every, seed=seed)

    with threads(1):  # more of them only wait for each other on sizes like these
        promises.check_seed(make, recorder)
        promises.check_weights(make, recorder)
        promises.check_dropout(make, recorder)
        dtypes = ("float32", "float64") if dtype is None else (dtype,)
        promises.check_padding(make, dtypes, recorder)
        promises.check_training(make, recorder)
        for name in dtypes:
            promises.check_stream(make, name, recorder)
        promises.check_gradients(make, recorder)
    recorder.require_looked_at(PROMISES)
    return recorder.report()


def _check_round_trips(specs: tuple[LayerSpec, ...], recorder: Recorder) -> None:
    if any(map(is_custom, specs)):
        for promise in ("text", "json"):
            recorder.skip(promise, "a module of one's own cannot be written down")
        return
    kinds: dict[str, type[Spec]] = {**LAYERS, **{spec.kind: type(spec) for spec in specs}}
    text = to_text(specs)
    recorder.require("text", parse(text, kinds) == specs, f"{text!r} parses to other specs")
    json = [spec.to_json() for spec in specs]
    again = from_json(json, kinds, what="layer")
    recorder.require("json", again == specs, f"{json} makes other specs")


def _default_shape(specs: tuple[LayerSpec, ...]) -> Shape:
    if specs and specs[0].input_kind == "tokens":
        return Shape(1, tokens=7)
    shape = Shape(3)
    try:
        for every in (False, True):
            Network(_joined(specs, every=every), shape, _OUTPUTS, every=every)
    except SpecError as error:
        if "common length" in str(error):
            return replace(shape, length=6)
    return shape


def _joined(specs: tuple[LayerSpec, ...], *, every: bool) -> tuple[LayerSpec, ...]:
    """With a layer that joins the directions, if the last one keeps them apart."""
    if getattr(specs[-1], "merge", None) != "none":
        return specs
    return (*specs, BiRNN(2, output="every" if every else "last"))


def _together(subject: str, reports: list[Report]) -> Report:
    worst: dict[tuple[str, str], Finding] = {}
    for finding in (f for report in reports for f in report.findings):
        key = (finding.promise, finding.dtype)
        if key not in worst or finding.difference > worst[key].difference:
            worst[key] = finding
    passed = dict.fromkeys(name for report in reports for name in report.passed)
    kept = {*passed, *(promise for promise, _ in worst)}
    skipped = {p: why for report in reports for p, why in report.skipped.items() if p not in kept}
    return Report(subject, tuple(worst.values()), tuple(passed), skipped)
