"""Every check of an array: the error names the argument, what came and what was wanted."""

import numpy as np
import pytest

import boxloss as bl
from errors import BOXES, FLOAT32, NOT_A_BUFFER, OUT, check_error, no_array, no_float, of_shape, table


@pytest.mark.parametrize("verb", ["__call__", "value_and_grad", "pairwise"])
@pytest.mark.parametrize(
    ("pred", "target", "kind", "text"),
    [
        ([[0, 0, 1, 1]], BOXES, TypeError, no_array("pred", "builtins.list")),
        (BOXES, None, TypeError, no_array("target", "builtins.NoneType")),
        (np.asarray(1.0), BOXES, ValueError, "pred must have shape (..., 4); got ()"),
        (BOXES[:, :3], BOXES, ValueError, "pred must have shape (..., 4); got (2, 3)"),
        (BOXES, BOXES[..., None], ValueError, "target must have shape (..., 4); got (2, 4, 1)"),
        (np.ones((2, 5), int), BOXES, ValueError, of_shape("pred", 4, (2, 5))),
        *((BOXES, np.ones((2, size)), ValueError, of_shape("target", 4, (2, size))) for size in (5, 6, 7, 8)),
        (BOXES + 0j, BOXES, TypeError, no_float("pred", "complex128")),
        (BOXES, BOXES > 0, TypeError, no_float("target", "bool")),
        (BOXES.astype(object), BOXES, TypeError, no_float("pred", "object")),
    ],
)
def test_pairs_for_every_verb(verb, pred, target, kind, text):
    check_error(lambda: getattr(bl.giou, verb)(pred, target), kind, text)


def test_masked_arrays():
    masked = np.ma.masked_array(BOXES, BOXES > 1.0)
    text = "target must not be a masked array, whose mask would be lost; give its data with weight=~mask.any(-1)"
    check_error(lambda: bl.giou(BOXES, masked), TypeError, text)


@pytest.mark.skipif(np.finfo(np.longdouble).bits == 64, reason="long double is float64 on this platform")
def test_long_double():
    wide = BOXES.astype(np.longdouble)
    check_error(lambda: bl.giou(wide, wide), TypeError, no_float("pred", wide.dtype))


@table(
    (
        "call",
        lambda: bl.giou(BOXES, np.ones((3, 4))),
        ValueError,
        "the leading shapes of pred and target must broadcast; got (2,) and (3,). "
        "Each pred with each target is the pairwise of a loss",
    ),
    (
        "value_and_grad",
        lambda: bl.giou.value_and_grad(np.ones((2, 1, 3, 4)), np.ones((5, 2, 4))),
        ValueError,
        "the leading shapes of pred and target must broadcast; got (2, 1, 3) and (5, 2)",
    ),
    (
        "pairwise",
        lambda: bl.giou.pairwise(np.ones((2, 5, 4)), np.ones((3, 6, 4))),
        ValueError,
        "the leading shapes of pred and target must broadcast; got (2,) and (3,)",
    ),
    (
        "pairwise-1d-pred",
        lambda: bl.giou.pairwise(BOXES[0], BOXES),
        ValueError,
        "pred of a pairwise matrix must have shape (..., N, 4); got (4,)",
    ),
    (
        "pairwise-1d-target",
        lambda: bl.giou.pairwise(BOXES, BOXES[0]),
        ValueError,
        "target of a pairwise matrix must have shape (..., N, 4); got (4,)",
    ),
)
def test_shapes(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.parametrize("verb", ["__call__", "value_and_grad"])
@pytest.mark.parametrize(
    ("weight", "kind", "text"),
    [
        ([1.0, 2.0], TypeError, no_array("weight", "builtins.list")),
        (1j, TypeError, no_array("weight", "builtins.complex")),
        (np.nan, ValueError, "weight must be finite; got nan"),
        (10**400, ValueError, "weight must be finite; got inf"),
        (np.str_("2"), TypeError, f"weight must be a number; got the string {np.str_('2')!r}"),
        (np.ones(3), ValueError, "weight must be one number a pair, of a shape that broadcasts to (2,); got (3,)"),
        (BOXES, ValueError, "weight must be one number a pair, of a shape that broadcasts to (2,); got (2, 4)"),
        (
            np.ones((1, 2)),
            ValueError,
            "weight must be one number a pair, of a shape that broadcasts to (2,); got (1, 2)",
        ),
        (np.ones(2) + 0j, TypeError, "weight must be of a real or boolean type; got complex128"),
        (np.asarray(["a", "b"]), TypeError, "weight must be of a real or boolean type; got <U1"),
    ],
)
def test_weight(verb, weight, kind, text):
    check_error(lambda: getattr(bl.giou, verb)(BOXES, BOXES, weight=weight), kind, text)


@pytest.mark.parametrize("weight", [True, np.True_, np.ones(2, bool)])
def test_a_weight_may_be_a_truth(weight):
    np.testing.assert_array_equal(bl.l1(BOXES, BOXES[::-1], weight=weight), bl.l1(BOXES, BOXES[::-1]))


TOO_LARGE = "weight must hold no number beyond 3.4e38 for boxes that are computed in float32; got {!r}"


def fits(name, number):
    return (
        f"{name} must be 0 or a number from 1.2e-38 to 3.4e38 for boxes that are computed in float32; got {number!r}. "
        f"Give boxes of float64, or another {name}"
    )


@pytest.mark.parametrize("verb", ["__call__", "value_and_grad"])
def test_numbers_that_float32_does_not_hold(verb):
    """As a weight of each pair they would be infinite or 0, and so would what they are multiplied by."""
    call = getattr(bl.l1, verb)
    for number in (1e300, -1e300, 1e-300, np.float64(1e39), 10**40):
        check_error(lambda n=number: call(FLOAT32, FLOAT32, weight=n), ValueError, fits("weight", float(number)))
        call(BOXES, BOXES, weight=number)
    for number in (1e300, 1e-300):
        options = {"reduction": "mean", "avg_factor": number}
        check_error(lambda o=options: call(FLOAT32, FLOAT32, **o), ValueError, fits("avg_factor", number))
        call(BOXES, BOXES, **options)
    tiny = "avg_factor must be 0 or a number whose inverse is finite; got 5e-324"
    check_error(lambda: call(BOXES, BOXES, reduction="mean", avg_factor=5e-324), ValueError, tiny)
    weight = np.asarray([-1e300, 1e299])
    check_error(lambda: call(FLOAT32, FLOAT32, weight=weight), ValueError, TOO_LARGE.format(np.float64(1e300)))
    call(BOXES, BOXES, weight=weight)
    call(FLOAT32, FLOAT32, weight=np.asarray([np.inf, 1e-300]))  # an infinity that came in stays one


@pytest.mark.torch
def test_numbers_that_float32_does_not_hold_beside_tensors():
    import torch

    boxes = torch.tensor(FLOAT32)
    weight = torch.tensor([1e300, 1.0], dtype=torch.float64, requires_grad=True)
    check_error(lambda: bl.l1(boxes, boxes, weight=weight), ValueError, TOO_LARGE.format(np.float64(1e300)))
    rows = torch.func.vmap(lambda b: bl.l1(b, b, weight=1e300))
    check_error(lambda: rows(boxes), ValueError, fits("weight", 1e300))


@pytest.mark.parametrize("engine", ["auto", "array", "numba"])
@pytest.mark.parametrize(
    ("out", "kind", "text"),
    [
        ([[0.0, 0.0]] * 2, TypeError, no_array("out", "builtins.list")),
        (OUT[:1], ValueError, "out must have shape (2, 2) and dtype float64; got (1, 2) and float64"),
        (OUT.astype("float32"), ValueError, "out must have shape (2, 2) and dtype float64; got (2, 2) and float32"),
        (OUT.astype(">f8"), ValueError, "out must have shape (2, 2) and dtype float64; got (2, 2) and >f8"),
    ],
)
def test_out(engine, out, kind, text):
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, out=out, engine=engine), kind, text)


@pytest.mark.parametrize("engine", ["array", "numba"])
def test_out_that_is_read_only(engine):
    out = OUT.copy()
    out.flags.writeable = False
    tricks = np.lib.stride_tricks
    text = "out must have a place for each value; got an array whose places may overlap"
    for once in (tricks.as_strided(np.empty(2), (2, 2), (0, 8)), tricks.as_strided(np.empty(3), (2, 2), (8, 8))):
        check_error(lambda out=once: bl.giou.pairwise(BOXES, BOXES, out=out, engine=engine), ValueError, text)
    turned = np.empty((2, 2)).T[::-1]
    assert bl.giou.pairwise(BOXES, BOXES, out=turned, engine="array") is turned
    text = "out must be writeable; got a read-only array"
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, out=out, engine=engine), ValueError, text)


@pytest.mark.parametrize(
    "out",
    [OUT.T, np.frombuffer(bytearray(33), np.float64, offset=1).reshape(2, 2)],
    ids=["transposed", "unaligned"],
)
def test_out_that_a_kernel_cannot_fill(out):
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, out=out), ValueError, NOT_A_BUFFER)


@table(
    ("convert", lambda: bl.convert([1, 2], "xyxy", "xywh"), TypeError, no_array("boxes", "builtins.list")),
    ("area", lambda: bl.area(BOXES > 0), TypeError, no_float("boxes", "bool")),
    ("clip", lambda: bl.clip_to_image(BOXES[:, :3], (9, 9)), ValueError, "boxes must have shape (..., 4); got (2, 3)"),
    ("validate", lambda: bl.validate(BOXES + 0j), TypeError, no_float("boxes", "complex128")),
)
def test_functions_of_boxes(call, kind, text):
    check_error(call, kind, text)
