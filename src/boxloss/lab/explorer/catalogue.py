"""What the page offers: losses and modifiers with their code, their parameters and what is said about them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from typing import Any

from boxloss.formulas.names import is_of_package
from boxloss.lab.explorer import formulas
from boxloss.lab.explorer.parameters import Choice, Make, Number, layout, of_class
from boxloss.lab.explorer.placeholder import WITHOUT_TERMS, Placeholder, Traits
from boxloss.lab.methods import WITHOUT_ANGLE
from boxloss.losses.loss import Loss
from boxloss.losses.modifiers import MODIFIERS
from boxloss.losses.modifiers.modifier import Modifier
from boxloss.losses.mpdiou import MPDIoU
from boxloss.losses.registry import get, losses

Variants = Mapping[str, Any]  # code for each combination of choices, joined by a comma
FORMATS = ("xyxy", "cxcywh")
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
        Its code; of a modifier by the traits of the loss.
    """

    name: str
    kind: type[Loss]
    about: Mapping[str, Any]
    numbers: list[Number]
    choices: list[Choice]
    layout: list[str | float]
    variants: Variants

    @property
    def described(self) -> dict[str, Any]:
        """The entry without its code, as JSON has it."""
        parameters = {"numbers": [n._asdict() for n in self.numbers], "choices": [c._asdict() for c in self.choices]}
        kind = self.kind.__name__
        python = f"bl.{kind}" if is_of_package(self.kind) else kind
        return {"name": self.name, "class": kind, "python": python, **self.about, **parameters, "layout": self.layout}


class Catalogue:
    """Everything that a page computes with.

    Parameters
    ----------
    more
        Losses that are not registered, by name.
    """

    def __init__(self, more: Mapping[str, Loss]) -> None:
        self.traits: dict[str, Traits] = {}
        self.losses = [self._loss(name, loss) for name, loss in (REGISTERED | dict(more)).items()]
        before = -1
        while len(self.traits) > before:  # what comes out of a modifier may go into another
            before = len(self.traits)
            self.modifiers = [self._modifier(kind) for kind in MODIFIERS]

    def _loss(self, name: str, loss: Loss) -> Entry:
        kind, given = type(loss), {f.name: getattr(loss, f.name) for f in fields(loss) if f.init}
        numbers, choices = of_class(kind, kind, given)
        variants: dict[str, Any] = {}
        for key, chosen in _combinations(choices):
            written = formulas.loss_as_object(kind(**given | chosen))
            self.traits.setdefault(written.traits.key, written.traits)
            variants[key] = written.text
        adjustable = [*(number.name for number in numbers), *(choice.name for choice in choices)]
        fixed = {f.name: given[f.name] for f in fields(loss) if f.init and f.name not in adjustable}
        about = {
            "title": kind.__name__ if name in REGISTERED else name,
            "fixed": {key: repr(value) for key, value in fixed.items() if value is not None},
            "expression": loss.expression,
            "range": loss.value_range,
            "paper": loss.paper,
            "terms": terms_of(loss.expression, written.traits),
            "image": loss.program.structure.reads_image,
        }
        return Entry(name, kind, about, numbers, choices, layout(loss, numbers), variants)

    def _modifier(self, kind: type[Modifier]) -> Entry:
        numbers, choices = of_class(kind, self._maker(kind), {})
        start = {n.name: n.start for n in numbers}
        variants = {}
        for key, chosen in _combinations(choices):
            found = formulas.modified(partial(kind, **start | chosen), self.traits)
            variants[key] = {traits: written.text for traits, written in found.items()}
        about = {"summary": kind.summary, "paper": kind.paper, "fixed": {}}
        made = self._maker(kind)(**start)
        return Entry(kind.__name__.lower(), kind, about, numbers, choices, layout(made, numbers), variants)

    def _maker(self, kind: type[Modifier]) -> Make:
        """Makes a modifier of the first loss that it takes."""

        def make(**parameters: Any) -> Loss:
            error: ValueError | None = None
            for traits in self.traits.values():
                try:
                    return kind(loss=Placeholder(traits), **parameters)
                except ValueError as found:
                    error = found
            raise error or ValueError("there are no losses")

        return make

    @property
    def code(self) -> str:
        """One object of JavaScript with all functions; what several modifiers share stands once."""
        shared: dict[str, str] = {}

        def name(text: str) -> str:
            return shared.setdefault(text, f"object{len(shared)}")

        def by_key(entries: Iterable[tuple[str, str]]) -> str:
            return formulas.obj((f'"{key}"', text) for key, text in entries)

        def by_traits(which: Iterable[str], write: Callable[[Traits, str], str]) -> str:
            return by_key(
                (traits.key, by_key((one, name(write(traits, one))) for one in which)) for traits in WITHOUT_TERMS
            )

        whole = formulas.obj(
            [
                ("losses", by_key((e.name, by_key((k, name(t)) for k, t in e.variants.items())) for e in self.losses)),
                (
                    "modifiers",
                    by_key(
                        (e.name, by_key((k, by_key((s, name(t)) for s, t in v.items())) for k, v in e.variants.items()))
                        for e in self.modifiers
                    ),
                ),
                ("sums", by_key((key, name(written.text)) for key, written in formulas.sums().items())),
                ("roots", by_traits(FORMATS, formulas.root)),
                ("descents", by_traits(WITHOUT_ANGLE, formulas.root_of_descent)),
                ("parametrisations", formulas.parametrisations()),
                ("optimizers", formulas.optimizers()),
                ("iou", formulas.iou()),
            ]
        )
        written = "".join(f"const {name} = {text};\n" for text, name in shared.items())
        return f"const traced = (() => {{\n{written}return {whole};\n}})();\n"


def _combinations(choices: list[Choice]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each combination of choices, by its key."""
    for values in product(*(choice.choices for choice in choices)):
        chosen = {choice.name: value for choice, value in zip(choices, values, strict=True)}
        yield ",".join(str(value) for value in values), chosen


def terms_of(expression: str, traits: Traits) -> list[str]:
    """The summands of a formula, if there are as many as the loss has terms; one that is a product has no names."""
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
