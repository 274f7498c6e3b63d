"""The page of the designer: a network and its preparation are drawn, and read in other words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import app, ui

from segue.errors import SegueError
from segue.layers import LAYERS
from segue.prepare.pipeline import STEPS
from segue.spec.base import text_of
from segue.studio.drawing import Drawn, Node, Source, draw
from segue.studio.pages.elements import STATIC, Message, card, choice, copied, text, write
from segue.studio.pages.frame import frame, in_thread, watching
from segue.studio.planning import TEMPLATES, Argument, Card, card_of, palette
from segue.studio.project import Project

_UNTRAINED = "Features that are not trained"
_GROUPS = {  # of the files that the layers stand in; others are under "Others"
    "recurrent": "Recurrent",
    **dict.fromkeys(("conv", "depthwise", "random_conv", "window_pool"), "Convolution"),
    **dict.fromkeys(("attention", "core"), "Dense, attention and others"),
    "pool": "Ends the sequence",
    "composition": "Branches",
    "architectures": "Whole networks",
    **dict.fromkeys(("multirocket", "hydra", "quant", "rdst", "trees"), _UNTRAINED),
    "activations": "Activations",
}
_ANYWAY = ("add", "template", "undo", "redo")  # what is done whatever the network is meanwhile
_CLOSED = ("Activations", "Preparation")
_BEGIN = (
    "Click a layer of the palette, or drag it to where it belongs. A click on a layer of the "
    "network shows its arguments here; the arrows and ✕ move it and take it out."
)
_KEYS = "↑ ↓ go · Alt+↑ Alt+↓ move · Delete takes out · Ctrl+Z undoes · Ctrl+Y redoes"


class Desk(ui.element, component=STATIC / "designer.js"):
    """The palette, and the network that layers are put into.

    What is done there comes as an event "act": a dictionary with "do", and what it is done with.

    Args:
        palettes: groups of cards.
        drawn: what is shown first.
        seen: its texts, which come back with each event.
    """

    def __init__(self, palettes: list[dict[str, Any]], drawn: Drawn, seen: str) -> None:
        super().__init__()
        self._props.update(
            palettes=palettes, selected="", seen=seen, data="data", drawn=_plain(drawn)
        )

    def show(self, **shown: Any) -> None:
        """Draw something else."""
        self._props.update(shown)
        self.update()


class DesignerPage:
    """The page, for one browser.

    Args:
        project: whose network is designed.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.selected = ""
        self.sources: list[Source] = []
        self.drawn: Drawn | None = None
        self.seen = ""  # the texts of what is drawn
        self.formed: Any = None
        with frame(project, "/designer"), ui.element("div").classes("page designing"):
            self.desk = Desk(_palettes(), draw(project.design, None), _seen(project))
            self.desk.on("act", lambda event: self._act(event.args))
            with self.desk:
                self._texts()
            with ui.element("div").classes("stack"):
                self._arguments()
                self._words()
        self.look = watching(lambda: (project.revision, id(project.opened)), self._follow)
        ui.timer(0, self._follow, once=True)

    # -- the texts --------------------------------------------------------------------------------

    def _texts(self) -> None:
        project, design = self.project, self.project.design
        with ui.element("div").classes("head"):
            text("Network", "h2", "grow")
            self.undo, self.redo = (
                ui.button(name, on_click=partial(self._edit, action)).props("flat dense")
                for name, action in (("Undo", design.undo), ("Redo", design.redo))
            )
            self.pictures: list[ui.element] = []
            for kind in ("svg", "png"):
                link = text(kind.upper(), "a", "small-text").props(f"href=/diagram.{kind}")
                link.props(f'download=network.{kind} aria-label="diagram as {kind.upper()}"')
                self.pictures.append(link)
            if project.is_awaited:
                use = ui.button("Use this network", on_click=self._hand_over, color=None)
                self.next: ui.element = use.props("unelevated").classes("primary")
            else:
                self.next = text("Next: train it →", "a").props("href=/training")
        self.message = Message()
        if project.opened is None:
            with ui.element("p").classes("empty"):
                text("No data are open, so shapes are not known yet. ", "span")
                text("← Data", "a").props("href=/")
        area = ui.textarea("Network", value=design.network)
        area.props("outlined dense autogrow debounce=250").classes("mono")
        area.props["aria-label"] = "the network as text"
        area.props["spellcheck"] = "false"
        area.on_value_change(lambda event: self._write("network", event.value or ""))
        prepare = ui.input("Preparation", value=design.prepare)
        prepare.props("dense outlined debounce=400").classes("mono")
        prepare.props["aria-label"] = "the preparation as text"
        prepare.on_value_change(lambda event: self._write("prepare", event.value or ""))
        self.areas = {"network": area, "prepare": prepare}

    def _write(self, root: str, words: str) -> None:
        self.project.design.set(root, words)

    async def _hand_over(self) -> None:
        """Give the network to the program that waits for it, and end the studio."""
        ui.notify("The program that waits for the network goes on: this page can be closed.")
        await asyncio.sleep(0.3)  # for the message to come
        app.shutdown()

    # -- what is done -----------------------------------------------------------------------------

    async def _act(self, what: dict[str, Any]) -> None:
        """Do what was done on the desk, unless its text has become another one meanwhile."""
        design = self.project.design
        do, path = what.get("do"), str(what.get("path", ""))
        root = (path or str(what.get("place", ""))).partition("/")[0]
        if do not in _ANYWAY and not _is_seen(self.project, root, str(what.get("seen"))):
            ui.notify("The network has changed meanwhile: do that again, to what it is now.")
            return
        if do == "select":
            self.selected = path
            await self._selected()
        elif do in ("undo", "redo"):
            await self._edit(getattr(design, do))
        elif do == "template":
            await self._edit(lambda: design.set("network", str(what.get("text"))))
        else:
            await self._edit(partial(self._put, do, path, what), selects=True)

    def _put(self, do: Any, path: str, what: dict[str, Any]) -> str:
        design, words = self.project.design, str(what.get("text", ""))
        if do == "remove":
            return design.remove(path)
        if do == "shift":
            return design.shift(path, int(what.get("by", 1)))
        if do == "move":
            return design.move(path, str(what.get("place")))
        if do == "add":
            return design.add(words, str(what.get("root")))
        return design.insert(words, str(what.get("place")))

    async def _edit(self, action: Callable[[], Any], *, selects: bool = False) -> None:
        with self.message.catching():
            found = action()
            self.selected = found if selects else self.selected
        await self.look()
        await self._selected()

    # -- what is shown ----------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Show what has changed, here or in another page; in a thread, for data may be large."""
        project, design = self.project, self.project.design
        seen, drawn = "", self.drawn
        while seen != _seen(project):  # it may change meanwhile
            seen, drawn = _seen(project), await in_thread(project.drawn)
        assert drawn is not None
        self.seen, self.drawn = seen, drawn
        for root, area in self.areas.items():
            now = getattr(design, root)
            if area.value != now:
                area.value = now
        self.undo.set_enabled(design.can_undo)
        self.redo.set_enabled(design.can_redo)
        opened = "" if project.opened is None else project.opened.source
        self.desk.show(
            drawn=_plain(drawn), seen=seen, selected=self.selected, data=opened or "data"
        )
        for each in (self.next, *self.pictures):
            each.set_visibility(drawn.is_right)
        await self._selected()
        found: Any = await in_thread(project.sources)
        if found != self.sources:
            self.sources = found
            self._show_words()

    async def _selected(self) -> None:
        """Show the arguments of the layer that is selected, unless its form is what changes it.

        A path is a place in the newest text: where that is not drawn yet, it waits for `_follow`.
        """
        if self.seen != _seen(self.project):
            return
        node = self._node()
        self.selected = "" if node is None else node.path
        self.desk.show(selected=self.selected)
        self.sheet.classes(replace="card sheet" if self.selected else "card")
        formed = None if node is None else (node.path, node.call, node.name, node.shape)
        if formed != self.formed:
            own = self.formed is not None and formed is not None and formed[0] == self.formed[0]
            if own and self.typed == _seen(self.project):
                self._facts.refresh()
            else:
                self._form.refresh()
            self.formed = formed

    def _node(self) -> Node | None:
        if self.drawn is None or not self.selected:
            return None
        waiting = [*self.drawn.steps, *self.drawn.layers]
        while waiting:
            node = waiting.pop()
            if node.path == self.selected:
                return node
            waiting += [each for branch in node.branches for each in branch.nodes]
        return None

    # -- the arguments of a layer -----------------------------------------------------------------

    def _arguments(self) -> None:
        self.typed = ""
        with card("Layer") as self.sheet:
            self._form()

    @ui.refreshable_method
    def _form(self) -> None:
        node = self._node()
        if node is None:
            text(_BEGIN, "p", "empty")
            text(_KEYS, "p", "dim small-text")
            return
        design, path = self.project.design, node.path
        try:
            spec = design.tree(path).at(path)
        except SegueError:
            text("Mend the text first: further on it has a mistake.", "p", "empty")
            return
        found = card_of(type(spec))
        self._facts()
        text(found.about, "p", "small-text")
        self.refused = Message()
        with ui.element("div").classes("arguments"):
            for argument in found.arguments:
                if argument.kind != "layers":
                    value = getattr(spec, argument.name)
                    words = value if isinstance(value, str) else text_of(value)
                    self._argument(path, argument, words)
        if any(argument.kind == "layers" for argument in found.arguments):
            text("What is inside is drawn: drag layers into it.", "p", "dim small-text")

    @ui.refreshable_method
    def _facts(self) -> None:
        node = self._node()
        if node is None:
            return
        with ui.element("div").classes("head"):
            text(node.call, "span", "mono grow strong")
            text(node.shape, "span", "mono dim")
            close = text("✕", "button", "plain-button closes").props("type=button")
            close.props('aria-label="close"').on("click", self._close)
        if node.parameters:
            text(
                f"{node.name or node.call}: {node.parameters:,} parameters", "div", "dim small-text"
            )

    async def _close(self) -> None:
        self.selected = ""
        await self._selected()

    def _argument(self, path: str, argument: Argument, value: str) -> None:
        async def put(words: str) -> None:
            with self.refused.catching():
                self.project.design.set_argument(path, argument.name, words)
                self.typed = _seen(self.project)
            await self.look()

        words = argument.choices if argument.kind == "choice" else ()
        words = ("true", "false") if argument.kind == "flag" else words
        with ui.element("div").classes("argument"):
            text(argument.name.replace("_", " "), "span", "small-text name")
            if words and value in words:
                choice(words, value, argument.name, put)
            else:
                field = ui.input(value=value, placeholder=argument.default)
                field.props("dense outlined debounce=350").classes("mono")
                field.props["aria-label"] = argument.name
                field.on_value_change(lambda event: put(str(event.value or "")))
            text(argument.about, "span", "dim small-text about")

    # -- in other words ---------------------------------------------------------------------------

    def _words(self) -> None:
        self.written: dict[str, tuple[Any, Any, Any, Any]] = {}
        with card("In other words"):
            self.absent = text(
                "Once data are open, the network stands here as a command, as Python and as "
                "PyTorch.", "p", "empty",
            )  # fmt: skip
            for name in ("Command line", "Python", "Python, layer by layer", "PyTorch"):
                with ui.element("div") as block:
                    with ui.element("div").classes("head"):
                        text(name, "h3", "grow")
                        copy = ui.button("copy", on_click=partial(self._copy, name))
                        copy.props("flat dense size=sm")
                        copy.props["aria-label"] = f"copy {name}"
                    body = text("", "pre", "spec mono short").props("tabindex=0 role=group")
                    body.props["aria-label"] = name
                    refused = text("", "div", "empty small-text")
                self.written[name] = (body, refused, copy, block)
        self._show_words()

    def _show_words(self) -> None:
        found = {source.name: source for source in self.sources}
        is_there = self.project.opened is not None
        self.absent.set_visibility(not is_there)
        for name, (body, refused, copy, block) in self.written.items():
            source = found.get(name, Source(name, ""))
            block.set_visibility(is_there and name in found)
            write(body, source.text).set_visibility(bool(source.text))
            write(refused, source.refused).set_visibility(bool(source.refused))
            copy.set_visibility(bool(source.text))

    def _copy(self, name: str) -> None:
        copied(next(source.text for source in self.sources if source.name == name))


def _seen(project: Project) -> str:
    """What is on the screen, so that nothing is done to what it is not any more."""
    return f"{project.design.prepare}\n{project.design.network}"


def _is_seen(project: Project, root: str, seen: str) -> bool:
    """Whether a text is still what was on the screen: "network", "prepare", or else both."""
    prepare, _, network = seen.partition("\n")
    now = {
        "network": project.design.network == network,
        "prepare": project.design.prepare == prepare,
    }
    return now.get(root, all(now.values()))


def _plain(drawn: Drawn) -> dict[str, Any]:
    """As plain values, for the browser."""

    def node(one: Node) -> dict[str, Any]:
        branches = [
            {**each._asdict(), "nodes": [node(inner) for inner in each.nodes]}
            for each in one.branches
        ]
        return {**one._asdict(), "branches": branches}

    plain = drawn._asdict()
    return {**plain, **{name: [node(one) for one in plain[name]] for name in ("steps", "layers")}}


def _palettes() -> list[dict[str, Any]]:
    """The groups of the palette, with their cards."""
    groups: dict[str, list[Card]] = {name: [] for name in _GROUPS.values()}
    for one in palette(LAYERS):
        groups.setdefault(_GROUPS.get(one.group, "Others"), []).append(one)
    whole = [Card(one, "", "in place of this network", one, ()) for one in TEMPLATES]
    found = [("template", "Begin with", whole)]
    found += [("network", name, cards) for name, cards in groups.items()]
    found.append(("prepare", "Preparation", list(palette(STEPS))))
    return [
        {
            "root": root, "name": name, "open": name not in _CLOSED,
            "cards": [
                {"kind": c.kind, "example": c.example, "title": f"{c.example}: {c.about}"}
                for c in cards
            ],
        }
        for root, name, cards in found
    ]  # fmt: skip
