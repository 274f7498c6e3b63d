"""Executors of `concurrent.futures`' form: this process, worker processes, jobs of Slurm.

An executor is anything with `submit(function, *arguments)` that returns a future with `done()` and
`result()`. `concurrent.futures` has such executors, and packages for clusters imitate them, so that
theirs can be passed wherever an executor is expected.
"""

from segue.executors.base import (
    Executor,
    Future,
    LostCallError,
    ThisProcess,
    completed,
    started,
)
from segue.executors.local import LocalProcesses, count_cores
from segue.executors.slurm import SlurmExecutor, SlurmJob, minutes_of, queue

__all__ = [
    "Executor",
    "Future",
    "LocalProcesses",
    "LostCallError",
    "SlurmExecutor",
    "SlurmJob",
    "ThisProcess",
    "completed",
    "count_cores",
    "minutes_of",
    "queue",
    "started",
]
