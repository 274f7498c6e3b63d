"""What in a data set is suspicious: hints that a score will flatter, or that a file was misread.

None of it need be wrong. Each line has the number that it rests on. One file a kind of check; each
check is a function that yields what it finds. A mapped data set is read block by block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segue.checks import channels, labels, lengths, marks, repeats, roles
from segue.checks.lengths import lengths_predict
from segue.checks.statistics import Statistics
from segue.checks.suspicion import Suspicion

if TYPE_CHECKING:
    from segue.dataset import Dataset

__all__ = ["Suspicion", "lengths_predict", "suspicions"]

_OF_ALL = (
    labels.absent_classes,
    labels.spellings,
    labels.parted_groups,
    labels.other_labels,
    labels.times_out_of_order,
)
_OF_LENGTHS = (lengths.lengths, lengths.far_longer)
_OF_VALUES = (
    channels.constant,
    channels.constant_in_a_class,
    channels.coarse,
    channels.scales,
    channels.missing,
    roles.times,
    roles.ids,
    roles.first_values,
    marks.marks,
    repeats.repeats,
)


def suspicions(data: Dataset) -> list[Suspicion]:
    """Look at a data set.

    Lengths, channels and values are looked at in the part "train", where there is one.
    """
    train = data.part("train") if "train" in data.part_names else data
    found = [one for check in _OF_ALL for one in check(data)]
    found += [one for check in _OF_LENGTHS for one in check(train)]
    if not data.x.is_text and len(train):
        statistics = Statistics.of(train)
        found += [one for look in _OF_VALUES for one in look(train, statistics)]
    return found
