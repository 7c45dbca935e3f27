"""The loops over boxes that the CPU engine compiles.

Each template closes a loop over compiled formulas and says which types it takes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from numba.core import types

from boxloss.box import Box
from boxloss.engines.compile import Specialiser
from boxloss.engines.extensions import prefer_wide_vectors
from boxloss.engines.pair import pair_of
from boxloss.formats import FORMATS
from boxloss.formula import Formula
from boxloss.guards import ordinary

Template = tuple[Callable[..., Any], Any]  # a kernel and its signature


class Elementwise(NamedTuple):
    """What an elementwise kernel is compiled for, beside the formula and the float type."""

    formats: tuple[str, str]
    pred_grad: bool
    target_grad: bool
    scaled: bool  # multiply gradients by a factor
    weighted: bool  # multiply values and gradients by a weight a pair


def elementwise(s: Specialiser, formula: Formula, terms: int, kind: Elementwise) -> Template:
    """Value and gradients of each pair.

    Boxes are read from the flat view, ``pred[4 * i + k]``: LLVM turns that into wide loads and shuffles, while it
    reads ``pred[i, k]`` of an (N, 4) array one number at a time (4 times slower, measured for CIoU in float32).
    """
    pair = pair_of(s, formula, kind)
    pred_grad, target_grad, weighted = kind.pred_grad, kind.target_grad, kind.weighted

    def kernel(pred, target, weight, factor, width, height, weights, value, d_pred, d_target):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        for i in range(value.size):
            p = Box(pred[4 * i], pred[4 * i + 1], pred[4 * i + 2], pred[4 * i + 3])
            t = Box(target[4 * i], target[4 * i + 1], target[4 * i + 2], target[4 * i + 3])
            own = weight[i] if weighted else factor
            value[i], d, e = pair(p, t, width, height, weights, factor, own)
            if pred_grad:
                d_pred[4 * i], d_pred[4 * i + 1], d_pred[4 * i + 2], d_pred[4 * i + 3] = d.x1, d.y1, d.x2, d.y2
            if target_grad:
                d_target[4 * i], d_target[4 * i + 1], d_target[4 * i + 2], d_target[4 * i + 3] = e.x1, e.y1, e.x2, e.y2

    weights_type = s.numbers(terms)
    signature = types.void(
        s.readonly, s.readonly, s.readonly, s.number, s.number, s.number, weights_type, s.array, s.array, s.array
    )
    return kernel, signature


def prepare(s: Specialiser, formula: Formula, terms: int, box_format: str) -> Template:
    """Each box once for a pairwise matrix: corners, and the number that the formula needs of it, as five rows.

    The kernel returns whether all boxes are ordinary.
    """
    xp, decode, is_ordinary = s.xp, s.function(FORMATS[box_format].decode), s.function(ordinary)
    number = s.function(formula.prepare) if formula.prepare else None

    def kernel(boxes, width, height, x1, y1, x2, y2, numbers):  # type: ignore[no-untyped-def]
        all_ordinary = True
        for i in range(x1.size):
            b = decode(Box(boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]), width, height)
            x1[i], y1[i], x2[i], y2[i] = b.x1, b.y1, b.x2, b.y2
            if number is not None:
                numbers[i] = number(xp, b)
            all_ordinary &= is_ordinary(b)
        return all_ordinary

    return kernel, types.boolean(s.readonly, s.number, s.number, s.array, s.array, s.array, s.array, s.array)


def pairwise(s: Specialiser, formula: Formula, terms: int, guarded: bool) -> Template:
    """Rows of a matrix, of prepared preds against prepared targets: each entry is written once.

    Without guards it is right for ordinary boxes only.
    """
    s = s if guarded else s.unguarded()
    xp, evaluate = s.xp, s.function(formula.evaluate_prepared)

    def kernel(px1, py1, px2, py2, p_numbers, tx1, ty1, tx2, ty2, t_numbers, weights, stride, out):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        for i in range(px1.size):
            p = Box(px1[i], py1[i], px2[i], py2[i])
            row = out[i * stride : i * stride + tx1.size]
            for j in range(tx1.size):
                t = Box(tx1[j], ty1[j], tx2[j], ty2[j])
                row[j] = evaluate(xp, p, t, p_numbers[i], t_numbers[j], weights)

    ten = (s.readonly,) * 10
    return kernel, types.void(*ten, s.numbers(terms), types.intp, s.array)
