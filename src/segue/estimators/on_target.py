"""The members of an automatic choice that keep to the targets of size and time."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace

from segue.data.dataset import Dataset
from segue.errors import warn_user
from segue.estimators.result import FitResult
from segue.prepare.steps import scaled_static
from segue.search.search import Found, Member
from segue.search.targets import Cost, affordable, cheapest
from segue.training import TrainingOptions
from segue.training.inference import Prepared, map_steps, predict_outputs

_TIMES = 3  # that a sequence is answered; the shortest counts


def milliseconds_of(result: FitResult, data: Dataset) -> float:
    """How long the network of a member takes for one sequence, of a middle length."""
    one = data[data.x.lengths.argsort(kind="stable")[[len(data) // 2]]]
    static = None if result.static is None else scaled_static(result.static, 1, one.static)
    network, seconds = result.network, math.inf
    for _ in range(_TIMES):
        began = time.perf_counter()
        prepared = Prepared(one.x, result.preparation, static)
        if result.task.per_step:
            map_steps(network, prepared, network, network.outputs)
        else:
            predict_outputs(network, prepared)
        seconds = min(seconds, time.perf_counter() - began)
    return 1000 * seconds


def on_target(found: Found, options: TrainingOptions, milliseconds: Mapping[str, float]) -> Found:
    """What was found without the members that would make the model too large, or too slow.

    Args:
        found: of the search.
        options: with the targets.
        milliseconds: that an answer of each member takes, by its name.
    """
    if options.target_ms is None and options.target_kb is None:
        return found
    most = Cost(options.target_kb or math.inf, options.target_ms or math.inf)
    members = found.members
    costs = [
        Cost(kilobytes_of(member), milliseconds.get(member.candidate.name, 0.0))
        for member in members
    ]
    losses = [member.result.history.rows[0]["validation_loss"] for member in members]
    chosen = affordable(costs, losses, most)
    if not chosen:
        chosen = [cheapest(costs, most)]
        name, cost = members[chosen[0]].candidate.name, costs[chosen[0]]
        warn_user(
            f"No member is within the targets: {name} is the nearest, with {cost.kilobytes:,.0f} "
            f"kB and {cost.milliseconds:.2g} ms an answer."
        )
    others = [number for number in range(len(members)) if number not in chosen]
    left_out = [(members[number].candidate.name, "beyond the targets") for number in others]
    return replace(
        found,
        members=tuple(members[number] for number in chosen),
        left_out=(*found.left_out, *left_out),
    )


def kilobytes_of(member: Member) -> float:
    """The size of its weights."""
    weights = member.result.network.get_weights().values()
    return float(sum(weight.nbytes for weight in weights)) / 1000
