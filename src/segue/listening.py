"""The former name of `segue.sonify`: it warns, and goes with the next release."""

from segue.extras import lazy_names

_NAMES = ("Clip", "Span", "draw", "make_clip", "pitch")

__getattr__ = lazy_names(__name__, {}, {name: f"segue.sonify.{name}" for name in _NAMES})
