"""Packages of the extras: loaded when touched, named where they are missing."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from segue.errors import MissingPackageError
from segue.extras import lazy_names, require


def test_the_package_comes_back() -> None:
    assert require("math", "audio", "to count").sqrt(4.0) == 2.0


def test_a_missing_package_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(MissingPackageError) as caught:
        require("nothing_of_this_name.inner", "audio", "to read sounds")
    assert str(caught.value) == (
        "nothing_of_this_name is needed to read sounds and is not installed: "
        'pip install "segue[audio]"'
    )


def test_a_name_is_looked_for_once_and_a_former_one_warns_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is found stands in the package from then on; a former name never does."""
    room = ModuleType("segue.a_room")
    monkeypatch.setitem(sys.modules, room.__name__, room)
    found = {"count": "segue.errors.counted"}
    room.__getattr__ = lazy_names(room.__name__, found, {"number": "segue.errors.counted"})  # type: ignore[method-assign]
    assert room.count(2, "epoch") == "2 epochs"
    assert vars(room)["count"] is room.count
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match=r"segue\.a_room\.number is now called"):
            assert room.number is room.count
