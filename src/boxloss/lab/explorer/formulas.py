"""Losses, modifiers, sums and optimisers as JavaScript, written down from the functions that all engines run.

Each loss becomes an object of functions ``(b, n, f) => [value, derivatives]``: its evaluation, and its terms if it has
a term 1 - IoU. `b` holds the numbers of pred and target and the size of the image, `n` the numbers of the loss, and `f`
the losses that it is made of. Derivatives are those of `Gradient`, before `pull_back`; `root` is what comes after.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from boxloss.engines import javascript
from boxloss.lab.explorer.placeholder import BOX, INNER, NUMBERS, WITHOUT_TERMS, Placeholder, Traits
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS, WITHOUT_ANGLE, centre_and_size
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Image
from boxloss.verbs.elementwise.formula import Kind, of_a_pair

Take = Callable[[Any, Any], Any]  # of a loss bound to numbers and a pair; gives an evaluation

SIZE = AXIS_ALIGNED.size


class Written(NamedTuple):
    """A loss as an object of JavaScript, and its traits."""

    text: str
    traits: Traits


def names(array: str, count: int, start: int = 0) -> list[str]:
    """What the items of an array are called."""
    return [f"{array}[{k}]" for k in range(start, start + count)]


# Pred, target and the size of the image, in one array.
PAIR = [names(BOX, SIZE), names(BOX, SIZE, SIZE), names(BOX, 2, 2 * SIZE)]


def function(compute: Callable[..., Any], arguments: list[list[str]], signature: str) -> str:
    """A function expression."""
    return f"({signature}) => {{\n{javascript.write(compute, arguments)}\n}}"


def obj(items: Iterable[tuple[str, str]]) -> str:
    """An object expression."""
    return "{\n" + "".join(f"{name}: {text},\n" for name, text in items) + "}"


def loss_as_object(loss: Loss) -> Written:
    """The evaluation of a loss, and its terms."""
    traits = traits_of(loss)
    methods: dict[str, Take] = {"evaluate": lambda bound, pair: bound.evaluate(pair.xp, pair)}
    if traits.penalties is not None:
        methods["iou_term"] = lambda bound, pair: bound.iou_term(pair.xp, pair)
    if traits.penalties:
        methods["penalty"] = lambda bound, pair: bound.penalty(pair.xp, pair)
    for k in range(traits.penalties or 0):
        methods[f"penalty_{k}"] = lambda bound, pair, k=k: bound.penalties(pair.xp, pair)[k]  # type: ignore[misc]

    def written(take: Take) -> str:
        def flat(bound: Any, pair: Any) -> Any:
            value, gradient = take(bound, pair)
            upright, given = gradient(False)
            nothing = (0.0,) * SIZE
            derivatives = ((traits.upright, upright), (traits.given, given))
            return value, *(tuple(d or nothing) for is_there, d in derivatives if is_there)

        return function(_of_pair(loss, flat), _arguments(loss), f"{BOX}, {NUMBERS}, {INNER}")

    words = [("traits", f'"{traits.key}"'), ("derivatives", f'"{traits.derivatives}"')]
    return Written(obj([*words, *((name, written(take)) for name, take in methods.items())]), traits)


def traits_of(loss: Loss) -> Traits:
    """What a loss is like, seen by running it once."""
    found: list[Traits] = []

    def look(bound: Any, pair: Any) -> Any:
        _, gradient = bound.evaluate(pair.xp, pair)
        upright, given = gradient(False)
        penalties = len(bound.penalties(pair.xp, pair)) if loss.has_iou_term else None
        found.append(Traits(upright is not None, given is not None, penalties, loss.has_iou_term and loss.has_powers))
        return ()

    javascript.write(_of_pair(loss, look), _arguments(loss))
    return found[0]


def _of_pair(loss: Loss, compute: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """A function of a loss and a pair as one of numbers."""

    def of_numbers(xp: Any, pred: Any, target: Any, image: Any, numbers: Any) -> Any:
        pair = AXIS_ALIGNED.pair(xp, AXIS_ALIGNED.box(*pred), AXIS_ALIGNED.box(*target), Image(*image))
        return compute(loss.program.structure.bind(numbers), pair)

    return of_numbers


def _arguments(loss: Loss) -> list[list[str]]:
    return [*PAIR, names(NUMBERS, len(loss.program.numbers))]


def modified(make: Callable[..., Loss], known: dict[str, Traits]) -> dict[str, Written]:
    """A modifier of losses of all known traits that it takes, by these; the traits of what comes out become known."""
    found: dict[str, Written] = {}
    for key, traits in list(known.items()):
        try:
            loss = make(loss=Placeholder(traits))
        except ValueError:  # it takes none of these
            continue
        found[key] = loss_as_object(loss)
        known.setdefault(found[key].traits.key, found[key].traits)
    return found


def sums() -> dict[str, Written]:
    """The weighted sum of two losses, by the derivatives of both."""
    return {
        f"{a.key} {b.key}": loss_as_object(WeightedSum(((1.0, Placeholder(a)), (1.0, Placeholder(b, place=1)))))
        for a in WITHOUT_TERMS
        for b in WITHOUT_TERMS
    }


def root(traits: Traits, format: str) -> str:
    """The value and the gradient with respect to pred, in a format: what `value_and_grad` returns."""
    kind = Kind(Placeholder(traits).program.structure, (format, format), True, False, False)
    compute = of_a_pair(kind)

    def evaluate(xp: Any, pred: Any, target: Any, image: Any) -> Any:
        value, d, _ = compute(xp, pred, target, (1.0, *image), 1.0)
        return value, d

    return function(evaluate, PAIR, f"{BOX}, {INNER}")


def root_of_descent(traits: Traits, parametrisation: str) -> str:
    """The value and the gradient with respect to what is descended on; the target is centre and size."""
    _, _, corners, pullback, _ = PARAMETRISATIONS[parametrisation]
    structure = Placeholder(traits).program.structure

    def evaluate(xp: Any, state: Any, target: Any, image: Any) -> Any:
        size = Image(*image)
        pair = AXIS_ALIGNED.pair(xp, corners(xp, state), centre_and_size.decode(xp, target, size), size)
        value, gradient = structure.evaluate((), xp, pair)
        return value, tuple(pullback(xp, state, pair.pull_back(gradient(False))))

    return function(evaluate, PAIR, f"{BOX}, {INNER}")


def parametrisations() -> str:
    """From a box (x, y, w, h) to what is descended on, and back."""

    def both(name: str) -> str:
        encode, decode, *_ = PARAMETRISATIONS[name]
        ways = {"encode": encode, "decode": decode}
        return obj(
            (which, function(lambda xp, s, way=way: tuple(way(xp, s)), [names("s", SIZE)], "s"))
            for which, way in ways.items()
        )

    return obj((f'"{name}"', both(name)) for name in WITHOUT_ANGLE)


def optimizers() -> str:
    """What a step changes, and the memories after it: ``(d, m, v, r, k)``, with `rate` and `per_root` in r."""

    def step(name: str) -> str:
        own = OPTIMIZERS[name].step

        def compute(xp: Any, d: Any, m: Any, v: Any, rates: Any, decay: Any) -> Any:
            return own(xp, d, m, v, *rates, decay)

        arguments = [*(names(array, SIZE) for array in "dmv"), names("r", 2), names("k", 5)]
        return function(compute, arguments, "d, m, v, r, k")

    return obj((name, step(name)) for name in OPTIMIZERS)


def iou() -> str:
    """The IoU of a pair in corners."""
    return loss_as_object(iou_score).text
