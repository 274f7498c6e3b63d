"""A fitted model as an ONNX file: from raw values to probabilities, with lengths as an input.

The graph is written from the layers and preparation steps, each of which has its own form
(`write_onnx`); nothing is traced. The file gets its name after ONNX Runtime has run it on ragged
batches of many sizes and agreed with the model (`segue.weights.onnx_check`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from segue._version import __version__
from segue.atomic import replacing
from segue.data.sequences import Sequences
from segue.errors import DataError, OptionError
from segue.onnx_graph import Graph, Steps, Value
from segue.prepare import Preparation
from segue.spec import to_text
from segue.tasks.forecast import last_steps
from segue.weights.onnx_check import FILE_FORMAT, OnnxReport, check_steps, check_whole
from segue.weights.onnx_digest import EMPTY, KEY, with_digest
from segue.weights.onnx_runtime import session_of


def to_onnx(
    estimator: Any, path: str | Path, *, data: Any = None, step: bool = False
) -> OnnxReport:
    """Write a fitted estimator as an ONNX file that answers as it does, from raw values.

    The graph has the inputs `x` `[batch, time, channel]`, with anything behind each sequence's end,
    `lengths` `[batch]` int64 and, where the model has static features, `static` `[batch, feature]`;
    batch and time have any size. Whole numbers of tokens and texts are int64. The preparation is in
    it, scaling and missing values (NaN), frames and spectra; only texts are cut into tokens
    outside, by the vocabulary that is written beside as `<name>.vocabulary.json`.

    Its output is `probabilities` `[batch, class]`, or `[batch, time, class]` with `output_lengths`
    where each step has a label; of a regressor `prediction` `[batch, value]`, and of a forecaster
    `[batch, ahead, channel]`, the steps that follow, both in the data's own unit.

    The metadata name classes, channels and the rate as JSON, network, preparation and task, segue's
    version and the format, and have a digest of the file, by which damage to it is noticed. Before
    the file gets its name it has been run by ONNX Runtime on batches of other sizes and lengths
    than any that it was written with; the largest differences are written beside it, `<path>.json`.

    Args:
        estimator: a fitted classifier, labeler, regressor, forecaster, language model, or an
            ensemble of such.
        path: the file, ending in .onnx.
        data: sequences to check it with, as for `predict`; drawn at random if left out.
        step: also write `<name>.step.onnx`, one step of a causal network: `x`
            `[batch, samples, channel]`, the samples of one step that the network sees (1, or a
            frame), `reset` `[batch]`, true where a sequence begins, and the states `state/...`,
            zeros before the first step, which come out as `next/...`.

    Returns:
        The report of the check; printed, it is a table.

    Raises:
        SpecError: a layer or preparation step that ONNX cannot have; it is named.
        NotCausalError: with `step`, a layer or preparation step that looks ahead.
        DataError: ONNX Runtime answers otherwise than the model; nothing is written.
        MissingPackageError: `onnx` or `onnxruntime` is not installed.

    >>> import segue, tempfile
    >>> options = segue.TrainingOptions(progress="none")
    >>> x = [[0.0, 1.0, 0.5], [3.0, 2.5], [0.5, 0.0], [2.0, 3.0, 2.0]] * 5
    >>> model = segue.SequenceClassifier("gru(4)", epochs=2, options=options)
    >>> report = to_onnx(model.fit(x, ["low", "high"] * 10), f"{tempfile.mkdtemp()}/model.onnx")
    >>> report.largest() <= 1
    True
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise OptionError(f"{path.name} does not end in .onnx, by which others know the file.")
    estimator._check_fitted()
    wanted = {path: whole_graph(estimator)}
    if step:
        wanted[path.with_suffix(".step.onnx")] = step_graph(estimator)
    sequences = None if data is None else _checked(estimator, data)
    report = OnnxReport(str(path), __version__)
    texts = {**texts_of(estimator), KEY: EMPTY}
    files = {
        name: with_digest(graph.model("segue", texts).SerializeToString())
        for name, graph in wanted.items()
    }
    whole, *steps = [session_of(content) for content in files.values()]
    report = check_whole(report, estimator, whole, sequences)
    for session in steps:
        report = check_steps(report, estimator, whole, session, sequences)
    if report.largest() > 1:
        raise DataError(
            f"ONNX Runtime answers otherwise than the model, so nothing is written.\n{report}"
        )
    beside = {Path(f"{path}.json"): json.dumps(report.to_json(), indent=2) + "\n"}
    beside |= dict(vocabulary_of(estimator, path))
    _write_together(files | {name: text.encode() for name, text in beside.items()})
    return report


def _write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together; the first gets its name when all others have theirs."""
    with ExitStack() as stack:  # which closes in the order from the last to the first
        for name, content in files.items():
            stack.enter_context(replacing(name)).write_bytes(content)


def _checked(estimator: Any, data: Any) -> Sequences:
    """Sequences to check with, as the network takes them: of series their last windows."""
    x: Sequences = estimator.check_input(data)
    if estimator.task != "forecast":
        return x
    return Sequences.from_array(last_steps(x, estimator.size), exact=True)


def members_of(estimator: Any) -> Sequence[Any]:
    """The members of an ensemble, or the estimator alone."""
    members: Sequence[Any] = getattr(estimator, "members", (estimator,))
    return members


def whole_graph(estimator: Any) -> Graph:
    """The graph of whole sequences.

    Raises:
        SpecError: a layer or preparation step that ONNX cannot have; it is named.
    """
    graph = Graph()
    x = _input(graph, estimator, "time")
    lengths = graph.input("lengths", np.int64, ("batch",))
    static = _static(graph, estimator)
    came, found = Steps(x, lengths), []
    for member in members_of(estimator):
        seen = _prepared(member.preparation_, member.task_.inputs_onnx(came))
        logits = member.network_.write_onnx(seen, _scaled(member, static))
        graph.scope = "answer"
        signal = logits.values if isinstance(logits, Steps) else logits
        name, value, dims = member.task_.write_onnx(signal, came)
        ends = logits if isinstance(logits, Steps) else None
        found.append(value)
    mean = found[0] if len(found) == 1 else found[0].op("Mean", *found[1:])
    if ends is not None:
        mean = ends._replace(values=mean).filled(0.0)
    graph.output(name, mean, dims)
    if ends is not None:
        graph.output("output_lengths", ends.lengths, ("batch",))
    return graph


def step_graph(estimator: Any) -> Graph:
    """The graph of one step of a causal network.

    Raises:
        SpecError: a layer or preparation step that ONNX cannot have; it is named.
        NotCausalError: one that looks ahead.
    """
    (member,) = _one_member(estimator)
    member.preparation_.check_causal()
    graph, samples = Graph(), samples_of_step(member.preparation_)
    x = _input(graph, estimator, samples)
    graph.reset = graph.input("reset", bool, ("batch",))
    static = _static(graph, estimator)
    lengths = graph.constant([samples], np.int64).expand(x.size(0))
    seen = _prepared(member.preparation_, Steps(x, lengths))
    logits = member.network_.write_onnx_step(seen.values.squeeze(1), _scaled(member, static))
    graph.scope = "answer"
    name, value, dims = member.task_.write_onnx(logits, Steps(x, lengths))
    graph.output(name, value, tuple(axis for axis in dims if axis != "time"))
    return graph


def _one_member(estimator: Any) -> Sequence[Any]:
    members = members_of(estimator)
    if len(members) > 1:
        raise OptionError(
            "The step of an ensemble is that of each member: write one graph of each, "
            "segue.weights.to_onnx(member, path, step=True), and take the mean of the answers."
        )
    return members


def samples_of_step(preparation: Preparation) -> int:
    """How many steps of the data make one step of the network."""
    return int(preparation.input_steps(np.array([1]))[0])


def _input(graph: Graph, estimator: Any, time: int | str) -> Value:
    preparation = members_of(estimator)[0].preparation_
    is_token = preparation.kind != "numbers"
    exact = any(member.preparation_.exact for member in members_of(estimator))
    dtype = np.int64 if is_token else np.float64 if exact else np.float32
    return graph.input("x", dtype, ("batch", time, preparation.channels_in))


def _static(graph: Graph, estimator: Any) -> Value | None:
    scale = members_of(estimator)[0].static_
    if scale is None:
        return None
    return graph.input("static", np.float64, ("batch", len(scale.mean)))


def _scaled(member: Any, static: Value | None) -> Value | None:
    if static is None:
        return None
    scaled: Value = (static - member.static_.mean) / member.static_.scale
    return scaled.cast(np.float32)


def _prepared(preparation: Preparation, x: Steps) -> Steps:
    """The preparation in a graph; what is behind the ends becomes 0."""
    graph, channels = x.values.graph, preparation.channels_in
    graph.scope = "prepare"
    if preparation.kind == "numbers":
        x = x._replace(values=x.values.cast(np.float64 if preparation.exact else np.float32))
    for step, fitted in zip(preparation.steps, preparation.fitted, strict=True):
        graph.scope = f"prepare/{step.kind}"
        x = step.write_onnx(x, fitted, channels)
        channels = step.channels(channels, fitted)
    if preparation.kind == "numbers":
        x = x._replace(values=x.values.cast(np.float32))
        return x._replace(values=x.filled(0.0))
    return x._replace(values=x.filled(0))


# -- what is beside the numbers -------------------------------------------------------------------


def texts_of(estimator: Any) -> dict[str, str]:
    """The metadata of the file: texts by name, most of them JSON."""
    first = members_of(estimator)[0]
    steps, reading = first.preparation_.steps, getattr(estimator, "reading_", None)
    rates = [step.rate for step in steps if getattr(step, "rate", None)]
    classes = getattr(first.task_, "classes", None)
    facts = {
        "classes": None if classes is None else [_plain(name) for name in classes],
        "channels": estimator.channels_,
        "rate_hz": rates[0] if rates else None,
        "reading": reading,
        "size": getattr(first, "size", None),
        "samples_of_step": samples_of_step(first.preparation_),
    }
    return {
        "segue_version": __version__,
        "segue_format": str(FILE_FORMAT),
        "task": estimator.task,
        "targets": first.task_.name,
        "estimator": type(first).__name__,
        "kind": first.preparation_.kind,
        "network": to_text(first.network_.specs),
        "prepare": str(first.preparation_),
        **{name: json.dumps(value, default=list) for name, value in facts.items()},
    }


def _plain(name: Any) -> Any:
    return name.item() if isinstance(name, np.generic) else name


def vocabulary_of(estimator: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The file with the vocabulary of a model of texts, and what stands in it."""
    preparation = members_of(estimator)[0].preparation_
    if preparation.vocabulary is not None:
        step, fitted = preparation.vocabulary
        facts = {
            "step": step.to_json(),
            "fitted": {name: array.tolist() for name, array in fitted.items()},
            "tokens": step.names(fitted).tolist(),
        }
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        yield path.with_suffix(".vocabulary.json"), f"{text}\n"
