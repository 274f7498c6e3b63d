"""Packages of the extras: loaded when touched, named where they are missing."""

from __future__ import annotations

import pytest

from segue.errors import MissingPackageError
from segue.extras import require


def test_the_package_comes_back() -> None:
    assert require("math", "audio", "to count").sqrt(4.0) == 2.0


def test_a_missing_package_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(MissingPackageError) as caught:
        require("nothing_of_this_name.inner", "audio", "to read sounds")
    assert str(caught.value) == (
        "nothing_of_this_name is needed to read sounds and is not installed: "
        'pip install "segue[audio]"'
    )
