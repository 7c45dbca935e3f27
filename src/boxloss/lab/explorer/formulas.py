"""Losses, modifiers, sums and optimisers as JavaScript, written down from the functions that all engines run.

Each loss becomes an object of functions ``(b, n, f) => [value, derivatives]``: its evaluation, and its terms if it has
a term 1 - IoU. `b` holds the numbers of pred and target and the size of the image, `n` the numbers of the loss, and `f`
the losses that it is made of. Derivatives are those of `Gradient`, before `pull_back`; `root` is what comes after.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from boxloss.engines import javascript
from boxloss.formulas.evaluation import Evaluation
from boxloss.lab.explorer.placeholder import BOX, INNER, NUMBERS, WITHOUT_TERMS, Placeholder, Traits
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS, centre_and_size
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Image
from boxloss.verbs.elementwise.formula import Kind, of_a_pair

SIZE = AXIS_ALIGNED.size


class Written(NamedTuple):
    """A loss as an object of JavaScript, and its traits."""

    text: str
    traits: Traits


def names(array: str, count: int, start: int = 0) -> list[str]:
    """What the items of an array are called."""
    return [f"{array}[{k}]" for k in range(start, start + count)]


def function(compute: Callable[..., Any], arguments: list[list[str]], signature: str) -> str:
    """A function expression."""
    return f"({signature}) => {{\n{javascript.write(compute, arguments)}\n}}"


def obj(items: Iterable[tuple[str, str]]) -> str:
    """An object expression."""
    return "{\n" + "".join(f"{name}: {text},\n" for name, text in items) + "}"


def loss_as_object(loss: Loss) -> Written:
    """The evaluation of a loss, and its terms."""
    traits: list[Traits] = []
    count = _count_of_penalties(loss)
    methods = [("evaluate", lambda bound, xp, pair: bound.evaluate(xp, pair))]
    if count is not None:
        methods.append(("iou_term", lambda bound, xp, pair: bound.iou_term(xp, pair)))
        if count:
            methods.append(("penalty", lambda bound, xp, pair: bound.penalty(xp, pair)))
        for k in range(count):
            methods.append((f"penalty_{k}", lambda bound, xp, pair, k=k: bound.penalties(xp, pair)[k]))

    def written(take: Callable[..., Evaluation], whole: bool) -> str:
        def compute(xp: Any, pred: Any, target: Any, image: Any, numbers: Any) -> Any:
            pair = AXIS_ALIGNED.pair(xp, AXIS_ALIGNED.box(*pred), AXIS_ALIGNED.box(*target), Image(*image))
            value, gradient = take(loss.program.structure.bind(numbers), xp, pair)
            upright, given = gradient(False)
            if whole:
                traits.append(Traits(upright is not None, given is not None, count, count is not None and powers))
            if upright is None and traits[0].upright:
                upright = AXIS_ALIGNED.box(*[0.0] * SIZE)
            return value, tuple(upright or ()), tuple(given or ())

        arguments = [names(BOX, SIZE), names(BOX, SIZE, SIZE), names(BOX, 2, 2 * SIZE)]
        return function(compute, [*arguments, names(NUMBERS, len(loss.program.numbers))], f"{BOX}, {NUMBERS}, {INNER}")

    powers = loss.has_powers
    items = [(name, written(take, name == "evaluate")) for name, take in methods]
    return Written(obj([("traits", f'"{traits[0].key}"'), ("derivatives", f'"{traits[0].derivatives}"'), *items]), traits[0])


def _count_of_penalties(loss: Loss) -> int | None:
    """How many penalties a loss has beside the term 1 - IoU; None without that term."""
    if not loss.has_iou_term:
        return None
    found: list[int] = []

    def count(xp: Any, pred: Any, target: Any, image: Any, numbers: Any) -> Any:
        pair = AXIS_ALIGNED.pair(xp, AXIS_ALIGNED.box(*pred), AXIS_ALIGNED.box(*target), Image(*image))
        found.append(len(loss.program.structure.bind(numbers).penalties(xp, pair)))
        return ()

    javascript.write(count, [names(BOX, SIZE), names(BOX, SIZE), names(BOX, 2), names(NUMBERS, len(loss.program.numbers))])
    return found[0]


def modified(make: Callable[[Loss], Loss], known: dict[str, Traits]) -> dict[str, Written]:
    """A modifier of losses of all known traits that it takes, by these; the traits of what comes out become known."""
    found: dict[str, Written] = {}
    for key, traits in list(known.items()):
        try:
            loss = make(Placeholder(traits))
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

    arguments = [names(BOX, SIZE), names(BOX, SIZE, SIZE), names(BOX, 2, 2 * SIZE)]
    return function(evaluate, arguments, f"{BOX}, {INNER}")


def root_of_descent(traits: Traits, parametrisation: str) -> str:
    """The value and the gradient with respect to what is descended on; the target is centre and size."""
    _, _, corners, pullback = PARAMETRISATIONS[parametrisation]
    structure = Placeholder(traits).program.structure

    def evaluate(xp: Any, state: Any, target: Any, image: Any) -> Any:
        size = Image(*image)
        pair = AXIS_ALIGNED.pair(xp, corners(xp, state), centre_and_size.decode(xp, target, size), size)
        value, gradient = structure.evaluate((), xp, pair)
        return value, tuple(pullback(xp, state, pair.pull_back(gradient(False))))

    arguments = [names(BOX, SIZE), names(BOX, SIZE, SIZE), names(BOX, 2, 2 * SIZE)]
    return function(evaluate, arguments, f"{BOX}, {INNER}")


def parametrisations() -> str:
    """From a box (x, y, w, h) to what is descended on, and back."""

    def both(name: str) -> str:
        encode, decode, *_ = PARAMETRISATIONS[name]
        ways = {"encode": encode, "decode": decode}
        return obj(
            (which, function(lambda xp, s, way=way: tuple(way(xp, s)), [names("s", SIZE)], "s"))
            for which, way in ways.items()
        )

    return obj((f'"{name}"', both(name)) for name in PARAMETRISATIONS)


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
