"""`Project`: the state of the studio, and every action in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from segue.data.dataset import Dataset
from segue.errors import DataError, DataNotFoundError, SegueError
from segue.estimators.loading import BY_TASK, estimator_for
from segue.readers import names
from segue.runs import find_model
from segue.runs.listing import list_runs
from segue.runs.summary import RunSummary
from segue.studio.drawing import Drawn, Source, diagram, draw, written
from segue.studio.experiments import STUDIES, Experiments
from segue.studio.files import Listing, inside, listing, path_of
from segue.studio.lines import Training, evaluate_lines, read_line, show_line
from segue.studio.opened import OpenData
from segue.studio.outlook import Outlook, outlook
from segue.studio.planning import Ground, Plan, Problem, outline, plan, takes_tokens, wrong_step
from segue.studio.results import Results
from segue.studio.settings import Chosen, Setting, settings
from segue.studio.study_plan import StudyKind, StudyPlan
from segue.studio.takeaway import Taken, file_of, take
from segue.studio.trainings import RUNS, Trainings, Watched
from segue.studio.tree import Design
from segue.studio.tryout import Tries
from segue.studio.uploads import keep
from segue.tasks import TASKS, Task
from segue.training import TrainingOptions


class Project:
    """A folder with data and runs, what is open in it, and all that can be done.

    It knows nothing of pages, and is used by any number of them at once: `revision` grows with each
    change, so that they know when to look again.

    Args:
        folder: that nothing is read or written outside of, but for named data sets.

    Raises:
        DataNotFoundError: there is no such folder.

    >>> import tempfile
    >>> project = Project(tempfile.mkdtemp())
    >>> project.open("japanese-vowels").summary.sequences
    640
    >>> project.set_network("lstm(8)")
    >>> [layer.shape for layer in project.plan().layers]
    ['[8]', '[9]']
    >>> project.training().command()
    "segue fit japanese-vowels --network 'lstm(8)'"
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder).expanduser().resolve()
        if not self.folder.is_dir():
            raise DataNotFoundError("there is no such folder.", path=folder)
        self.revision = 0
        self.opened: OpenData | None = None
        self.is_awaited = False  # whether a program waits for the network: `segue.studio.design`
        self.design = Design("bilstm(100)", "standardize", self._changed)
        self.trainings = Trainings(self.folder)
        self.tries = Tries(self.trainings, partial(path_of, self.folder))
        self.experiments = Experiments(self.folder, self._changed)
        self._task: str | None = None
        self._chosen: dict[str, Any] = {}
        self._grounds: dict[Any, Ground] = {}
        self._results: dict[Any, Results] = {}
        self._lock = RLock()

    def _changed(self) -> None:
        self.revision += 1

    # -- data -----------------------------------------------------------------------------------

    def files(self, path: str = "", contains: str = "") -> Listing:
        """What lies in a folder of the project; the arguments and errors are those of `listing`."""
        return listing(self.folder, path, contains)

    def names(self) -> list[str]:
        """The named data sets."""
        return list(names())

    def open(self, source: str, **options: Any) -> OpenData:
        """Open a file or a folder of the project, or a named data set.

        Args:
            source: a path below the project's folder, or a name.
            options: of the reader, as for `segue.read`.

        Raises:
            FileError: a path that leads out of the folder, or what is there cannot be read.
            SegueError: as of `segue.read`. What was open before stays open.
        """
        found = OpenData.read(source, path_of(self.folder, source), options)
        self._take(found)
        return found

    def keep(self, name: str, content: bytes) -> str:
        """Take in a file that was dropped: the arguments and errors are those of `uploads.keep`.

        Returns:
            Where it lies below the folder, under a number of its own; it can be opened there.
        """
        with self._lock:
            place = keep(self.folder, name, content)
            self._changed()
        return place

    def assign(self, column: str, role: str) -> OpenData:
        """Give a column of the open table another role, and read the table again.

        Raises:
            OptionError: no such column or role.
            DataError: nothing is open, or the table cannot be read so; all stays as it was.
        """
        before = self._data()
        found = before.reread(before.with_role(column, role))
        self._take(found)
        return found

    def reread(self, **options: Any) -> OpenData:
        """Read the open source again, with some options of its reader set anew; `None`: unset.

        Raises:
            SegueError: as of `segue.read`; all stays as it was.
        """
        before = self._data()
        kept = {name: v for name, v in {**before.options, **options}.items() if v is not None}
        found = before.reread(kept)
        self._take(found)
        return found

    def _take(self, found: OpenData) -> None:
        """Show another data set, which is looked through before: no page is to wait for that."""
        _ = found.summary, found.findings
        with self._lock:
            is_new = self.opened is None or self.opened.source != found.source
            self.opened = found
            self._grounds.clear()
            if is_new:
                self._task, self._chosen = None, {}
                self.design.begin(str(BY_TASK[self.task].prepare))
            self._changed()

    def _data(self) -> OpenData:
        if self.opened is None:
            raise DataError("No data are open: open a file, a folder or a named data set first.")
        return self.opened

    # -- the task and its options ---------------------------------------------------------------

    @property
    def task(self) -> str:
        """What is learnt: as it was chosen, or as the targets say."""
        if self._task is not None or self.opened is None:
            return self._task or "classify"
        found = self.opened.data.task
        try:
            return estimator_for(None, found).task
        except SegueError:  # no targets
            return "language" if self.opened.data.x.is_text else "forecast"

    def set_task(self, task: str | None) -> None:
        """Choose what is learnt; `None`: what the targets say.

        Raises:
            OptionError: there is no such task.
        """
        if task is not None:
            settings(task)
        with self._lock:
            before, self._task = self.task, task
            if self.task != before:
                known = {setting.name for setting in settings(self.task)}
                self._chosen = {n: v for n, v in self._chosen.items() if n in known}
                self._grounds.clear()
            self._changed()

    def settings(self) -> tuple[Setting, ...]:
        """The options of a training, with their defaults and descriptions."""
        return settings(self.task)

    @property
    def chosen(self) -> Chosen:
        """The options that differ from their defaults."""
        return Chosen(self.task, self._chosen)

    def set_option(self, name: str, value: Any) -> None:
        """Set an option of the training; a text is read as on the command line.

        Raises:
            OptionError: no such option, or a value that means nothing; all stays as it was.
        """
        with self._lock:
            self._chosen = dict(self.chosen.having(name, value).values)
            self._changed()

    # -- the network ----------------------------------------------------------------------------

    def set_network(self, text: str) -> None:
        """Write another network, right or not; `plan` has what is wrong with it."""
        self.design.set("network", text)

    def set_prepare(self, text: str) -> None:
        """Write another preparation, right or not; `plan` has what is wrong with it."""
        self.design.set("prepare", text)

    def plan(self) -> Plan:
        """The layers of the network with their shapes, and the first mistake, where it stands."""
        text, (ground, problem) = self.design.network, self._known()
        if ground is not None:
            return plan(text, ground)
        found = outline(text)
        mistake = found.problem or (Problem(problem.message) if problem else None)
        return replace(found, problem=mistake)

    def drawn(self) -> Drawn:
        """The network and its preparation as a tree: each call, what it gives, what is wrong."""
        return draw(self.design, *self._known())

    def sources(self) -> list[Source]:
        """What is on the screen as a command, as Python and as PyTorch, or why it is none."""
        ground, problem = self._known()
        why = problem.message if problem else "Open some data first."
        found = written(self.design.network, ground, why)
        if self.opened is None:
            return found
        training = self.training()
        own = [Source("Command line", training.command()), Source("Python", training.script())]
        return [*own, *found]

    def diagram(self, kind: str) -> bytes:
        """A picture of the network: the content of a file of a kind, "svg", "png" or "pdf".

        Raises:
            DataError: nothing is open.
            SegueError: the network, or its preparation, has a mistake.
            OptionError: another kind.
        """
        self._data()
        return diagram(self.design.network, self._ground_of(self.design.network), kind)

    def _known(self) -> tuple[Ground | None, Problem | None]:
        """What the network is built for; where it is not known, what is wrong, if anything is."""
        if self.opened is None:
            return None, None
        try:
            return self._ground_of(self.design.network), None
        except SegueError as error:
            ground_of = partial(self._ground_of, self.design.network)
            return None, Problem(str(error), wrong_step(self.design.prepare, ground_of))

    def _ground_of(self, text: str, prepare: str | None = None) -> Ground:
        prepare = self.design.prepare if prepare is None else prepare
        tokens = self._data().data.x.is_whole and takes_tokens(text)
        data, chosen = self._data(), self.chosen
        key = (id(data), prepare, tokens, chosen.task, str(chosen.arguments))
        if key not in self._grounds:
            self._grounds[key] = Ground.of(*self._estimator(prepare=prepare), tokens=tokens)
        return self._grounds[key]

    def _estimator(self, **named: Any) -> tuple[Any, Dataset]:
        """What would be trained, and on what: the estimator is not fitted."""
        data, chosen = self._data().data, self.chosen
        known = data if self._task is None else TASKS[chosen.task].as_targets(data)
        kind: Any = BY_TASK[chosen.task]
        arguments = {**TASKS.get(known.task, Task).arguments, **chosen.arguments}
        return kind(**{"prepare": self.design.prepare, **named, **arguments}), known

    # -- trainings ------------------------------------------------------------------------------

    def training(self, *, compare: bool = False) -> Training:
        """What would be started now: it has its command line and its script.

        Args:
            compare: join several networks, or train the best of some, in place of the screen's.

        Raises:
            DataError: nothing is open.
        """
        opened, chosen = self._data(), self.chosen
        data, kind = opened.data, TASKS[chosen.task]
        test = chosen.values.get("test", 0.2)
        names_task = self._task is not None or data.task == "none"
        has_test = "test" in data.part_names
        cut = test is not None and data.parts is None
        cut = cut and kind.is_cut_in_time(data, named=names_task)
        is_plain = not names_task and not cut and (has_test or data.parts is None)
        return Training(
            opened.source, opened.options, "" if compare else self.design.network,
            self.design.prepare, chosen, TASKS.get(data.task, Task).arguments,
            names_task=names_task, has_test=has_test, is_plain=is_plain,
        )  # fmt: skip

    def outlook(self) -> Outlook:
        """What a training of what is on the screen will take, without starting it.

        Raises:
            DataError: nothing is open.
        """
        self._data()
        options = TrainingOptions(**{**self.chosen.training, "progress": "none"})
        try:
            return outlook(*self._estimator(network=self.design.network, options=options))
        except SegueError as error:
            return Outlook(problem=str(error))

    def start(self, *, compare: bool = False) -> str:
        """Start a training of what is on the screen, as a process of its own.

        Args:
            compare: as in `training`.

        Returns:
            The name of its run.

        Raises:
            DataError: nothing is open.
            SpecError: the network has a mistake.
        """
        training = self.training(compare=compare)
        with self._lock:
            name = self.trainings.free_name(training.source, training.network or "auto")
            self.trainings.start(name, training.arguments(f"{RUNS}/{name}"))
            self._changed()
        return name

    def stop(self, name: str) -> None:
        """Stop a training as Ctrl-C does: what is trained is kept, and scored.

        The errors are those of `Trainings.stop`.
        """
        self.trainings.stop(name)
        self._changed()

    def resume(self, name: str) -> None:
        """Go on with a training that was stopped; the errors are those of `Trainings.resume`."""
        self._source_of(name)
        self.trainings.resume(name)
        self._changed()

    def watch(self, name: str) -> Watched:
        """A run as it is now, also one that was started in a terminal.

        Raises:
            DataNotFoundError: there is no such run.
        """
        return self.trainings.watch(name)

    def runs(self) -> list[str]:
        """The names of the runs in the folder, the newest first."""
        return self.trainings.names()

    def summaries(self, names: Iterable[str]) -> dict[str, RunSummary]:
        """Runs as rows of a list, with their scores, by name; without those that are just begun."""
        folders = [self.folder / RUNS / name for name in names]
        found = (list_runs(folder) for folder in folders if folder.is_dir())
        return {one.folder.name: one for rows in found for one in rows if one.kind == "run"}

    def scored(self) -> list[str]:
        """The names of the runs that have results, the newest first."""
        return self.trainings.scored()

    # -- experiments ----------------------------------------------------------------------------

    def study(self, kind: StudyKind, **more: Any) -> StudyPlan:
        """A study of what is on the screen, which has its command line and its script.

        Args:
            kind: "grid", "learning-curve" or "seeds".
            **more: `seeds`, of a grid `networks` and `vary`, of a learning curve `sizes`.

        Raises:
            DataError: nothing is open.
            OptionError: a plan that means nothing.
        """
        return StudyPlan(self.training(), kind, **more)

    def start_study(self, plan: StudyPlan) -> str:
        """Start a study, or the training of several seeds, as a process of its own.

        Returns:
            Where it writes, below the folder: "studies/..." or "runs/...".

        Raises:
            WriteError: the folder cannot be written.
        """
        if plan.kind != "seeds":
            return f"{STUDIES}/{self.experiments.start(plan)}"
        with self._lock:
            name = self.trainings.free_name(plan.training.source, plan.training.network)
            self.trainings.start(name, plan.arguments(f"{RUNS}/{name}"))
            self._changed()
        return f"{RUNS}/{name}"

    def compare(self, first: str, second: str) -> Any:
        """Compare two runs, by their names, that were tested on the same sequences.

        Returns:
            A `segue.runs.RunComparison`, with a paired test.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: a run that has read what lies outside, or has no model yet.
            SegueError: as of `segue.runs.compare`.
        """
        for name in (first, second):
            self._source_of(name)
        return self.experiments.compare([first, second])

    # -- results --------------------------------------------------------------------------------

    def results(self, name: str) -> Results:
        """Score the model of a run on its test part.

        Raises:
            DataNotFoundError: there is no such run, or it has no model yet.
            SegueError: its source is not there any more, or is another.
        """
        run = self.trainings.run(name)
        key = (name, find_model(run.folder).stat().st_mtime_ns)
        if key not in self._results:
            self._results = {key: Results.of(run, self._source_of(name))}
        return self._results[key]

    def _source_of(self, name: str) -> str:
        """What a run has read: a name, or a path inside of the project's folder.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: it has read what lies outside.
        """
        source = str(self.trainings.run(name).record["source"])
        if source not in names() or (self.folder / source).exists():
            inside(self.folder, source)
        return source

    def results_lines(self, name: str) -> tuple[str, str]:
        """The lines of Python that score a run, and the command that does.

        Raises:
            DataNotFoundError: there is no such run.
        """
        return evaluate_lines(self.trainings.run(name).folder.name)

    # -- what is taken away ---------------------------------------------------------------------

    def take(self, name: str, kind: str) -> Taken:
        """Write a file of a run, such as its model for ONNX; `OFFERS` has the kinds.

        Raises:
            DataNotFoundError: there is no such run, or it has no model yet.
            OptionError: no such kind.
            SegueError: a model that has no such form; the message names what has none.
        """
        return take(self.folder, self.trainings.run(name), kind)

    def file_of(self, name: str, file: str) -> Path:
        """A file of a run that can be downloaded: its own, or one that `take` has written.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: it has no such file.
        """
        return file_of(self.folder, self.trainings.run(name), file)

    # -- lines ----------------------------------------------------------------------------------

    def data_lines(self) -> tuple[str, str]:
        """The line of Python that reads the open source, and the command that shows it.

        Raises:
            DataError: nothing is open.
        """
        opened = self._data()
        return (
            f"import segue\n{read_line(opened.source, opened.options)}",
            show_line(opened.source, opened.options),
        )
