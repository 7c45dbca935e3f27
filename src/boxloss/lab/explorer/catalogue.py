"""What the page offers: losses and modifiers with their code, their parameters and what is said about them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from typing import Any

from boxloss.formulas.names import is_of_package
from boxloss.lab.explorer import formulas
from boxloss.lab.explorer.boxes import KINDS, Boxes
from boxloss.lab.explorer.parameters import Choice, Make, Number, layout, of_class
from boxloss.lab.explorer.placeholder import WITHOUT_TERMS, Placeholder, Traits
from boxloss.lab.explorer.subroutines import subroutines
from boxloss.losses.lookup import get, losses
from boxloss.losses.loss import Loss
from boxloss.losses.modifiers import MODIFIERS
from boxloss.losses.modifiers.axis_enclosing import AxisEnclosing, encloses
from boxloss.losses.modifiers.modifier import Modifier
from boxloss.losses.mpdiou import MPDIoU

Variants = Mapping[str, Any]  # code for each combination of choices, joined by a comma
Name = Callable[[str], str]  # what the page calls a piece of code
# The one that needs the size of an image has no instance: here it is that of the scene.
REGISTERED: dict[str, Loss] = {name: get(name) for name in losses()} | {"mpdiou": MPDIoU()}


@dataclass(frozen=True)
class Entry:
    """A loss or a modifier.

    Attributes
    ----------
    name
        What the page calls it.
    kind
        Its class.
    about
        The formula, the paper, the names of its terms: what is shown as it is.
    numbers, choices
        Its parameters.
    layout
        See `boxloss.lab.explorer.parameters.layout`.
    variants
        Its code, by the kind of box; of a modifier by the traits of the loss.
    refused
        For each kind of box that it is not defined for, why.
    """

    name: str
    kind: type[Loss]
    about: Mapping[str, Any]
    numbers: list[Number]
    choices: list[Choice]
    layout: list[str | float]
    variants: Mapping[str, Variants]
    refused: Mapping[str, str]

    @property
    def described(self) -> dict[str, Any]:
        """The entry without its code, as JSON has it."""
        parameters = {"numbers": [n._asdict() for n in self.numbers], "choices": [c._asdict() for c in self.choices]}
        kind = self.kind.__name__
        python = f"bl.{kind}" if is_of_package(self.kind) else kind
        told = {"name": self.name, "class": kind, "python": python, **self.about, **parameters, "layout": self.layout}
        return told | {"refused": self.refused}


class Catalogue:
    """Everything that a page computes with.

    Parameters
    ----------
    more
        Losses that are not registered, by name.
    """

    def __init__(self, more: Mapping[str, Loss]) -> None:
        self.traits: dict[str, dict[str, Traits]] = {boxes.name: {} for boxes in KINDS}
        self.losses = [self._loss(name, loss) for name, loss in (REGISTERED | dict(more)).items()]
        before = -1
        while self._count > before:  # what comes out of a modifier may go into another
            before = self._count
            self.modifiers = [self._modifier(kind) for kind in MODIFIERS]

    @property
    def _count(self) -> int:
        return sum(map(len, self.traits.values()))

    def _loss(self, name: str, loss: Loss) -> Entry:
        kind, given = type(loss), {f.name: getattr(loss, f.name) for f in fields(loss) if f.init}
        numbers, choices = of_class(kind, kind, given)
        variants: dict[str, dict[str, formulas.Written]] = {}
        refused: dict[str, str] = {}
        for boxes in KINDS:
            try:
                variants[boxes.name] = {
                    key: formulas.loss_as_object(kind(**given | chosen), boxes)
                    for key, chosen in _combinations(choices)
                }
            except ValueError as error:
                refused[boxes.name] = str(error)
            for written in variants.get(boxes.name, {}).values():
                self.traits[boxes.name].setdefault(written.traits.key, written.traits)
        adjustable = [*(number.name for number in numbers), *(choice.name for choice in choices)]
        fixed = {f.name: given[f.name] for f in fields(loss) if f.init and f.name not in adjustable}
        about = {
            "title": kind.__name__ if name in REGISTERED else name,
            "fixed": {key: repr(value) for key, value in fixed.items() if value is not None},
            "expression": loss.expression,
            "range": loss.value_range,
            "paper": loss.paper,
            "terms": terms_of(loss.expression, next(iter(next(iter(variants.values())).values())).traits),
            "image": loss.program.structure.reads_image,
            "encloses": encloses(loss),
        }
        return Entry(name, kind, about, numbers, choices, layout(loss, numbers), variants, refused)

    def _modifier(self, kind: type[Modifier]) -> Entry:
        numbers, choices = of_class(kind, self._maker(kind), {})
        start = {n.name: n.start for n in numbers}
        variants = {
            boxes.name: {
                key: formulas.modified(partial(kind, **start | chosen), self.traits[boxes.name], boxes)
                for key, chosen in _combinations(choices)
            }
            for boxes in KINDS
        }
        about = {"summary": kind.summary, "paper": kind.paper, "fixed": {}, "encloses": kind is AxisEnclosing}
        made = self._maker(kind)(**start)
        return Entry(kind.__name__.lower(), kind, about, numbers, choices, layout(made, numbers), variants, {})

    def _maker(self, kind: type[Modifier]) -> Make:
        """Make what makes a modifier of the first loss that it takes."""

        def make(**parameters: Any) -> Loss:
            error: ValueError | None = None
            for traits in self.traits[KINDS[0].name].values():
                try:
                    return kind(loss=Placeholder(traits), **parameters)
                except ValueError as found:
                    error = found
            raise error or ValueError("there are no losses")

        return make

    @property
    def code(self) -> str:
        """One object of JavaScript with all functions; one that several need stands once."""
        shared: dict[str, str] = {}

        def name(text: str) -> str:
            return shared.setdefault(text, f"code{len(shared)}")

        whole = formulas.obj((f'"{boxes.name}"', self._of_boxes(boxes, name)) for boxes in KINDS)
        called = "".join(f"const {name} = {text};\n" for name, text in subroutines().items())
        written = "".join(f"const {name} = {text};\n" for text, name in shared.items())
        return f"const traced = (() => {{\n{called}{written}return {whole};\n}})();\n"

    def _of_boxes(self, boxes: Boxes, name: Name) -> str:
        """Write the functions of one kind of box."""

        def by_key(entries: Iterable[tuple[str, str]]) -> str:
            return formulas.obj((f'"{key}"', text) for key, text in entries)

        def by_traits(which: Iterable[str], write: Callable[[Traits, str, Boxes], str]) -> str:
            return by_key(
                (traits.key, by_key((one, name(write(traits, one, boxes))) for one in which))
                for traits in WITHOUT_TERMS
            )

        def objects(found: Mapping[str, formulas.Written]) -> str:
            return by_key((key, name(written.text(name))) for key, written in found.items())

        losses = {e.name: e.variants[boxes.name] for e in self.losses if boxes.name in e.variants}
        modifiers = {e.name: e.variants[boxes.name] for e in self.modifiers}
        return formulas.obj(
            [
                ("losses", by_key((key, objects(variants)) for key, variants in losses.items())),
                (
                    "modifiers",
                    by_key(
                        (key, by_key((one, objects(found)) for one, found in variants.items()))
                        for key, variants in modifiers.items()
                    ),
                ),
                ("sums", objects(formulas.sums(boxes))),
                ("roots", by_traits(boxes.formats, formulas.root)),
                ("descents", by_traits(boxes.parametrisations, formulas.root_of_descent)),
                ("parametrisations", formulas.parametrisations(boxes)),
                ("optimizers", formulas.optimizers(boxes)),
                ("decode", name(formulas.decode(boxes))),
                ("iou", name(formulas.iou(boxes))),
            ]
        )


def _combinations(choices: list[Choice]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield each combination of choices, by its key."""
    for values in product(*(choice.choices for choice in choices)):
        chosen = {choice.name: value for choice, value in zip(choices, values, strict=True)}
        yield ",".join(str(value) for value in values), chosen


def terms_of(expression: str, traits: Traits) -> list[str]:
    """List the summands of a formula, if there are as many as the loss has terms; of a product there are no names."""
    if traits.penalties is None:
        return []
    summands, depth, start = [], 0, 0
    for place, character in enumerate(expression):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and expression.startswith(" + ", place):
            summands.append(expression[start:place])
            start = place + 3
    summands.append(expression[start:])
    is_sum = len(summands) == 1 + traits.penalties
    return summands if is_sum else ["1 - I / U", *(f"penalty {k + 1}" for k in range(traits.penalties))]
