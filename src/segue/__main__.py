"""The program `segue`, also `python -m segue`: a Ctrl-C is answered from its first import on."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

INTERRUPTED = 130  # what a shell expects
_IMPORTED = 200_000  # objects that imports make: all of them stay, and none is looked at before
_COLLECTED_AT = 10_000  # new objects from then on


def _after_imports(phase: str, about: dict[str, int]) -> None:  # noqa: ARG001
    """Look at new objects more often once there are so many that not all can be of imports."""
    gc.set_threshold(_COLLECTED_AT)
    gc.callbacks.remove(_after_imports)


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Set what answers a Ctrl-C, and the request to end where nothing else would: in a container.

    Its first process gets no signal that it does not handle.
    """
    signal.signal(signal.SIGINT, handler)
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, handler)


def main() -> int:
    """Run the command that the process was given, and return its exit code.

    Where something turns an interrupt into another error, or cannot raise it, it counts still.
    """
    gc.set_threshold(_IMPORTED)  # Python's 700 cost a tenth of a short command
    gc.callbacks.append(_after_imports)
    atexit.register(gc.freeze)  # nor are they looked through once more at the end
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # looked for in all that is installed
    interrupts: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        signal.default_int_handler(number, frame)

    def unraisable(given: sys.UnraisableHookArgs) -> None:
        if issubclass(given.exc_type, KeyboardInterrupt):  # in a destructor: once more, outside it
            import threading

            threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()
        else:
            sys.__unraisablehook__(given)

    try:
        try:
            _handle(interrupt)
            sys.unraisablehook = unraisable
            from segue.cli import main as run

            return run(was_interrupted=lambda: bool(interrupts))
        finally:
            _handle(signal.SIG_IGN)  # all is said; the end is not disturbed
    except KeyboardInterrupt:  # also one that came in the line above
        _handle(signal.SIG_IGN)
    except Exception:
        if not interrupts:
            raise
    how = ": the same command goes on" if "--resume" in sys.argv else ""
    sys.stderr.write(f"interrupted{how}\n")
    return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
