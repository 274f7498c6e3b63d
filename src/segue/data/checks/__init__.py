"""Checks of a data set: hints that a score will be optimistic, or that a file was misread.

None of them need be wrong. Each line has the numbers that it rests on. A check is a function that
yields its findings; a mapped data set is read block by block.
"""

from __future__ import annotations

from segue.data.checks import channels, labels, roles
from segue.data.checks.findings import Statistics, Suspicion
from segue.data.checks.labels import lengths_predict
from segue.data.summary import DatasetLike

__all__ = ["Suspicion", "lengths_predict", "suspicions"]

_OF_ALL = (
    labels.absent_classes,
    labels.spellings,
    labels.parted_groups,
    labels.other_labels,
    labels.times_out_of_order,
)
_OF_LENGTHS = (labels.lengths, labels.far_longer)
_OF_VALUES = (
    channels.constant,
    channels.constant_in_a_class,
    channels.coarse,
    channels.scales,
    channels.missing,
    roles.times,
    roles.ids,
    roles.first_values,
    channels.marks,
    channels.repeats,
)


def suspicions(data: DatasetLike) -> list[Suspicion]:
    """Run all checks on a data set.

    Lengths, channels and values are checked in the part "train", where there is one.
    """
    train = data.part("train") if "train" in data.part_names else data
    found = [one for check in _OF_ALL for one in check(data)]
    found += [one for check in _OF_LENGTHS for one in check(train)]
    if not data.x.is_text and len(train):
        statistics = Statistics.of(train)
        found += [one for check in _OF_VALUES for one in check(train, statistics)]
    return found
