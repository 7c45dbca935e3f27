"""Losses, modifiers, sums and optimisers as JavaScript, written down from the functions that all engines run.

Each loss becomes an object of functions ``(b, n, f, a) => [value, derivatives]``: its evaluation, and its terms if it
has a term 1 - IoU. `b` holds the numbers of pred and target and the size of the image, `n` the numbers of the loss, and
`f` the losses that it is made of, in `a` with enclosing boxes along the image. Derivatives are those of `Gradient`,
before `pull_back`; `root` is what comes after.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from boxloss.lab.explorer import javascript
from boxloss.lab.explorer.boxes import BOX, KINDS, Boxes, names
from boxloss.lab.explorer.placeholder import INNER, INNER_ALONG_IMAGE, NUMBERS, WITHOUT_TERMS, Placeholder, Traits
from boxloss.lab.explorer.subroutines import CALLED
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.shapes.box import Image
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.shape import Gradient, Numbers, Pair
from boxloss.typing import Namespace, Number

Take = Callable[[Any, Pair], Any]  # of a loss bound to numbers and a pair; gives an evaluation


class Written(NamedTuple):
    """A loss as an object of JavaScript.

    Attributes
    ----------
    words
        What it is like, as text.
    functions
        Its evaluation and its terms.
    along_image
        The same with enclosing boxes along the image; empty where they are the same functions, or those of the losses
        that it is made of are all that differs.
    traits
        What it is like.
    """

    words: Mapping[str, str]
    functions: Mapping[str, str]
    along_image: Mapping[str, str]
    traits: Traits

    def text(self, name: Callable[[str], str] = str) -> str:
        """Write the object, with what each function is called, or with the functions themselves."""
        words = [(key, f'"{word}"') for key, word in self.words.items()]
        along = [("along_image", _named(self.along_image, name))] if self.along_image else []
        return obj([*words, *_items(self.functions, name), *along])


def _items(functions: Mapping[str, str], name: Callable[[str], str]) -> list[tuple[str, str]]:
    return [(key, name(text)) for key, text in functions.items()]


def _named(functions: Mapping[str, str], name: Callable[[str], str]) -> str:
    return obj(_items(functions, name))


def function(compute: Callable[..., Any], arguments: list[list[str]], signature: str) -> str:
    """Write a function expression."""
    return f"({signature}) => {{\n{javascript.write(compute, arguments, CALLED)}\n}}"


def obj(items: Iterable[tuple[str, str]]) -> str:
    """Write an object expression."""
    return "{\n" + "".join(f"{name}: {text},\n" for name, text in items) + "}"


@lru_cache(1024)
def loss_as_object(loss: Loss, boxes: Boxes = KINDS[0]) -> Written:
    """Write the evaluation of a loss of a kind of box, and its terms.

    Raises
    ------
    ValueError
        If the loss is not defined for these boxes.
    """
    if why := loss.program.structure.refusal(boxes.shape):  # the page has a list of losses, and shows the reason alone
        raise ValueError(why)
    traits = traits_of(loss, boxes)
    methods: dict[str, Take] = {"evaluate": lambda bound, pair: bound.evaluate(pair.xp, pair)}
    if traits.penalties is not None:
        methods["iou_term"] = lambda bound, pair: bound.iou_term(pair.xp, pair)
    if traits.penalties:
        methods["penalty"] = lambda bound, pair: bound.penalty(pair.xp, pair)
    for k in range(traits.penalties or 0):
        methods[f"penalty_{k}"] = lambda bound, pair, k=k: bound.penalties(pair.xp, pair)[k]  # type: ignore[misc]

    signature = ", ".join([BOX, NUMBERS, INNER, *([INNER_ALONG_IMAGE] if boxes.has_other_axes else [])])

    def written(take: Take, of_pair: Callable[[Pair], Pair]) -> str:
        def flat(bound: Any, given: Pair) -> Any:
            pair = of_pair(given)
            value, gradient = take(bound, pair)
            found = gradient(False)
            nothing = pair.pull_back(Gradient())
            derivatives = ((traits.upright, found.upright), (traits.given, found.given))
            return value, *(tuple(d or nothing) for is_there, d in derivatives if is_there)

        return function(_of_pair(loss, boxes, flat), _arguments(loss, boxes), signature)

    words = {"shape": boxes.name, "traits": traits.key, "derivatives": traits.derivatives}
    functions = {name: written(take, lambda pair: pair) for name, take in methods.items()}
    along: dict[str, str] = {}
    if boxes.has_other_axes:
        along = {name: written(take, lambda pair: pair.along_image()) for name, take in methods.items()}
        if all(functions[n] in (text, text.replace(f"{INNER_ALONG_IMAGE}[", f"{INNER}[")) for n, text in along.items()):
            along = {}
    return Written(words, functions, along, traits)


def traits_of(loss: Loss, boxes: Boxes) -> Traits:
    """Find what a loss is like, seen by running it once."""
    found: list[Traits] = []

    def look(bound: Any, pair: Pair) -> tuple[()]:
        _, gradient = bound.evaluate(pair.xp, pair)
        upright, given = gradient(False)
        penalties = len(bound.penalties(pair.xp, pair)) if loss.has_iou_term else None
        found.append(Traits(upright is not None, given is not None, penalties, loss.has_iou_term and loss.has_powers))
        return ()

    javascript.write(_of_pair(loss, boxes, look), _arguments(loss, boxes), CALLED)
    return found[0]


def _of_pair(loss: Loss, boxes: Boxes, compute: Callable[[Any, Pair], Any]) -> Callable[..., Any]:
    """Turn a function of a loss and a pair into one of numbers."""

    def of_numbers(
        xp: Namespace, pred: Numbers, target: Numbers, image: tuple[Number, Number], numbers: Numbers
    ) -> Any:
        return compute(loss.program.structure.bind(numbers), boxes.pair(xp, pred, target, image))

    return of_numbers


def _arguments(loss: Loss, boxes: Boxes) -> list[list[str]]:
    return [*boxes.arguments, names(NUMBERS, len(loss.program.numbers))]


def modified(make: Callable[..., Loss], known: dict[str, Traits], boxes: Boxes) -> dict[str, Written]:
    """Write a modifier of losses of all known traits that it takes, by these; those of what comes out become known."""
    found: dict[str, Written] = {}
    for key, traits in list(known.items()):
        try:
            found[key] = loss_as_object(make(loss=Placeholder(traits)), boxes)
        except ValueError:  # it takes none of these
            continue
        known.setdefault(found[key].traits.key, found[key].traits)
    return found


def sums(boxes: Boxes) -> dict[str, Written]:
    """Write the weighted sum of two losses, by the derivatives of both."""

    def of(a: Traits, b: Traits) -> Loss:
        return WeightedSum(((1.0, Placeholder(a)), (1.0, Placeholder(b, place=1))))

    return {f"{a.key} {b.key}": loss_as_object(of(a, b), boxes) for a in WITHOUT_TERMS for b in WITHOUT_TERMS}


def root(traits: Traits, format: str, boxes: Boxes) -> str:
    """Write the value, and the gradient with respect to pred in a format: what `value_and_grad` returns."""
    structure, own = Placeholder(traits).program.structure, FORMATS[format]

    def evaluate(xp: Namespace, pred: Numbers, target: Numbers, image: tuple[Number, Number]) -> tuple[Number, Numbers]:
        pair = boxes.pair(xp, pred, target, image)
        value, gradient = structure.evaluate((), xp, pair)
        numbers = own.encode(xp, pair.given, pair.image)
        return value, tuple(own.pullback(xp, numbers, pair.pull_back(gradient(False)), pair.image))

    return function(evaluate, boxes.arguments, f"{BOX}, {INNER}")


def root_of_descent(traits: Traits, parametrisation: str, boxes: Boxes) -> str:
    """Write the value and the gradient with respect to what is descended on; the target is as the user moves it."""
    own = PARAMETRISATIONS[parametrisation]
    structure, size = Placeholder(traits).program.structure, own.format.size

    def evaluate(
        xp: Namespace, state: Numbers, target: Numbers, image: tuple[Number, Number]
    ) -> tuple[Number, Numbers]:
        of = Image(*image)
        pair = boxes.pair_of(xp, own.box(xp, state), own.format.decode(xp, target, of), of)
        value, gradient = structure.evaluate((), xp, pair)
        return value, tuple(own.pullback(xp, state, pair.pull_back(gradient(False))))

    arguments = [names(BOX, size), names(BOX, size, size), names(BOX, 2, 2 * size)]
    return function(evaluate, arguments, f"{BOX}, {INNER}")


def parametrisations(boxes: Boxes) -> str:
    """Write the ways from a box as the user moves it to what is descended on, and back."""

    def both(name: str) -> str:
        own = PARAMETRISATIONS[name]
        ways = {"encode": own.encode, "decode": own.decode}
        return obj(
            (which, function(lambda xp, s, way=way: tuple(way(xp, s)), [names("s", own.format.size)], "s"))
            for which, way in ways.items()
        )

    return obj((f'"{name}"', both(name)) for name in boxes.parametrisations)


def decode(boxes: Boxes) -> str:
    """Write the way from a box as the user moves it to the numbers of its shape."""
    own = FORMATS[boxes.formats[-1]]
    return function(lambda xp, s: tuple(own.decode(xp, s, Image())), [names("s", own.size)], "s")


def optimizers(boxes: Boxes) -> str:
    """Write what a step changes, and the memories after it: ``(d, m, v, r, k)``, with `rate` and `per_root` in r."""
    size = FORMATS[boxes.formats[-1]].size

    def step(name: str) -> str:
        own = OPTIMIZERS[name].step

        def compute(
            xp: Namespace, d: Numbers, m: Numbers, v: Numbers, rates: tuple[Number, Number], decay: Numbers
        ) -> tuple[Numbers, Numbers, Numbers]:
            return own(xp, d, m, v, *rates, decay)

        arguments = [*(names(array, size) for array in "dmv"), names("r", 2), names("k", 5)]
        return function(compute, arguments, "d, m, v, r, k")

    return obj((name, step(name)) for name in OPTIMIZERS)


def iou(boxes: Boxes) -> str:
    """Write the IoU of a pair."""
    return loss_as_object(iou_score, boxes).functions["evaluate"]
