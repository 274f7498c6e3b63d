"""Jobs of a cluster with Slurm, by submitit."""

from __future__ import annotations

import getpass
import math
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.errors import OptionError, TrainingError, check_whole
from segue.executors.base import LostCallError
from segue.extras import require


class SlurmExecutor:
    """Runs calls as jobs of Slurm (submitit); many of them as an array.

    A job is a process of its own with one processor, on any machine that sees the folder and the
    Python that this process runs in. A job that reaches its time limit is put into the queue again.
    Whatever else `sbatch` is to know it reads from the environment, such as `SBATCH_ACCOUNT`.

    Args:
        folder: for the batch scripts and the logs, on a disk that all machines share.
        partition: where the jobs run; the cluster's default if left out.
        minutes: the time limit of a job.
        setup: lines of the shell that each job begins with, such as "module load python".
        workers: jobs of an array that run at once.

    Raises:
        MissingPackageError: submitit is not installed.
        OptionError: no `sbatch` on this machine, or a number below one.
    """

    at_once = 1000  # an array has at most so many jobs, by Slurm's default (MaxArraySize)
    poll_seconds = 0.5

    def __init__(
        self,
        folder: str | Path,
        *,
        partition: str | None = None,
        minutes: int = 60,
        setup: Sequence[str] = (),
        workers: int = 16,
    ) -> None:
        check_whole("minutes", minutes)
        check_whole("workers", workers)
        submitit = require("submitit", "cluster", "to run jobs on Slurm")
        try:
            self._engine = submitit.SlurmExecutor(
                folder=Path(folder).resolve(), max_num_timeout=_TIME_OUTS
            )
        except RuntimeError as error:
            raise OptionError(
                "This machine has no Slurm: `srun` and `sbatch` are not found. Log in to the "
                "cluster, or load its module."
            ) from error
        # Slurm warns a job so many seconds before its limit is reached.
        self._engine.update_parameters(
            job_name="segue",
            time=minutes,
            setup=list(setup),
            array_parallelism=workers,
            cpus_per_task=1,
            signal_delay_s=min(90, 15 * minutes),
            **({} if partition is None else {"partition": partition}),
        )
        self.folder = Path(folder).resolve()
        self._states: dict[str, str] = {}
        self._asked = -math.inf

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> SlurmJob:
        """Put one call into the queue."""
        return self.submit_all(function, [arguments])[0]

    def submit_all(
        self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
    ) -> list[SlurmJob]:
        """Put calls into the queue, as one array.

        Raises:
            TrainingError: Slurm refuses them; the message has its reason.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            with self._engine.batch():
                jobs = [self._engine.submit(_Requeued(function), *call) for call in calls]
        except (FailedJobError, FailedSubmissionError, subprocess.CalledProcessError) as error:
            reason = str(getattr(error, "stderr", None) or error).strip()
            raise TrainingError(f"Slurm has refused the jobs: {reason}") from error
        self._asked = -math.inf
        return [SlurmJob(self, str(job.job_id)) for job in jobs]

    def find(self, number: str) -> SlurmJob | None:
        """A job that was submitted before, by its number; `None` where it is not in the queue.

        Slurm may keep a job there for some seconds after its value has come.
        """
        job = SlurmJob(self, number)
        return job if self.state(number) in _UNFINISHED else None

    def state(self, number: str) -> str:
        """What Slurm's queue says of a job, such as "RUNNING"; "" of one that is not there.

        Slurm is asked once in two seconds at most, about all jobs at once.
        """
        if time.monotonic() - self._asked > _STATES_SECONDS:
            self._states = queue() or self._states
            self._asked = time.monotonic()
        return self._states.get(number, "")


@dataclass
class SlurmJob:
    """A call that is in Slurm's queue, that runs, or that is done.

    Attributes:
        executor: what it was submitted by.
        number: Slurm's, with that in its array behind a line, such as "12_3".
    """

    executor: SlurmExecutor
    number: str
    _ended: float | None = None

    def done(self) -> bool:
        """Whether its value is there, or Slurm has no such job any more."""
        if self._paths.result_pickle.exists():
            return True
        if self.executor.state(self.number) in _UNFINISHED:
            self._ended = None
            return False
        # The file of a job that has just ended may be seen later on a shared disk.
        self._ended = time.monotonic() if self._ended is None else self._ended
        return time.monotonic() - self._ended > _GRACE_SECONDS

    def result(self) -> Any:
        """Wait for the call, and return its value.

        Raises:
            LostCallError: the job ended without a value.
            TrainingError: the call raised an error; the message has it, and where the log is.
        """
        from submitit import SlurmJob as SubmititJob

        while not self.done():
            time.sleep(self.executor.poll_seconds)
        if not self._paths.result_pickle.exists():
            state = self.executor.state(self.number) or "not in the queue"
            raise LostCallError(
                f"Job {self.number} of Slurm ended without a result ({state}). Its log: "
                f"{self._paths.stderr}"
            )
        job: SubmititJob[Any] = SubmititJob(self.executor.folder, self.number)
        error = job.exception()
        if error is not None:
            raise TrainingError(f"Job {self.number} of Slurm: {error}")
        return job.result()

    @property
    def _paths(self) -> Any:
        from submitit.core.utils import JobPaths

        return JobPaths(self.executor.folder, job_id=self.number, task_id=0)


_UNFINISHED = frozenset(
    "PENDING RUNNING CONFIGURING COMPLETING SUSPENDED REQUEUED REQUEUE_FED REQUEUE_HOLD RESIZING "
    "SIGNALING STAGE_OUT STOPPED".split()
)
_STATES_SECONDS = 2.0
_GRACE_SECONDS = 5.0
_TIME_OUTS = 100  # of one job: each time it goes on from its checkpoint


class _Requeued:
    """A function that submitit puts into the queue again when the time limit comes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def checkpoint(self, *arguments: Any) -> Any:
        """The call that is to follow: the same once more."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


def queue() -> dict[str, str] | None:
    """The state of each job that this user has in Slurm; `None` where Slurm does not answer.

    `squeue` is asked and not `sacct`, which needs a database that not every cluster has.
    """
    words = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T"]
    try:
        done = subprocess.run(  # noqa: S603  (no word is anyone else's)
            [*words, f"--user={getpass.getuser()}"], capture_output=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2}


def minutes_of(text: str) -> int:
    """A time limit in the forms that Slurm takes, in minutes; part of one counts as a whole.

    Raises:
        OptionError: another form.

    >>> minutes_of("90"), minutes_of("1:30:00"), minutes_of("2-12"), minutes_of("5:30")
    (90, 90, 3600, 6)
    """
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text.strip())
    if found is None:
        raise OptionError(
            f"The time limit is {text!r}; expected minutes, MINUTES:SECONDS, "
            "HOURS:MINUTES:SECONDS, DAYS-HOURS or DAYS-HOURS:MINUTES, such as 90 or 1:30:00."
        )
    days, *parts = (int(one) if one else None for one in found.groups())
    first, second, third = parts
    if days is None and third is None:  # minutes first
        seconds = 60 * (first or 0) + (second or 0)
    else:
        seconds = 3600 * (first or 0) + 60 * (second or 0) + (third or 0) + 86400 * (days or 0)
    return max(1, math.ceil(seconds / 60))
