"""Formulas as JavaScript, read as text; `nox -s browser` compares what they compute with NumPy."""

import math
import re

import pytest

import boxloss as bl
from boxloss.engines.symbols import NUMBER
from boxloss.lab.explorer import formulas, javascript
from boxloss.lab.explorer.boxes import KINDS, ROTATED_BOXES
from boxloss.lab.explorer.subroutines import subroutines


def written(function, *arguments):
    return javascript.write(function, arguments).splitlines()


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda xp, a: a[0] - (a[1] - 2.0), "a[0] - (a[1] - 2)"),
        (lambda xp, a: -a[0] * a[1] / 0.1, "((-a[0]) * a[1]) / 0.1"),
        (lambda xp, a: a[0] * -1.5, "a[0] * (-1.5)"),
        (lambda xp, a: xp.where(a[0] > a[1], a[0], -0.0), "(a[0] > a[1]) ? a[0] : (-0)"),
        (lambda xp, a: xp.where(a[0] <= 1.0, 1e-300, math.inf), "(a[0] <= 1) ? 1e-300 : Infinity"),
        (lambda xp, a: xp.where(a[0] < 1.0, -math.inf, math.nan), "(a[0] < 1) ? (-Infinity) : NaN"),
        (lambda xp, a: xp.abs(xp.sqrt(a[0])), "Math.abs(Math.sqrt(a[0]))"),
        (lambda xp, a: xp.atan2(a[0], a[1]), "Math.atan2(a[0], a[1])"),
        (lambda xp, a: xp.cos(xp.sin(a[0])), "Math.cos(Math.sin(a[0]))"),
        (lambda xp, a: xp.expm1(xp.log1p(a[0])), "Math.expm1(Math.log1p(a[0]))"),
        (lambda xp, a: xp.exp(xp.log(a[0])), "Math.exp(Math.log(a[0]))"),
        (lambda xp, a: xp.pow(a[0], a[1]), "(a[0] >= 0) ? Math.pow(a[0], a[1]) : NaN"),
        (lambda xp, a: xp.maximum(a[0], a[1]), "(a[0] !== a[0]) ? a[0] : Math.max(a[0], a[1])"),
    ],
)
def test_operations(function, text):
    lines = written(lambda xp, a: (function(xp, a),), ["a[0]", "a[1]"])
    assert lines == [f"return [{text}];"]


def test_truths_are_joined_as_truths():
    (line,) = written(lambda xp, a: ((a[0] < 1.0) & ((a[0] > 0.0) | ~(a[1] == a[0])),), ["a[0]", "a[1]"])
    assert line == "return [(a[0] < 1) && ((a[0] > 0) || ((a[1] === a[0]) !== true))];"


def test_what_is_used_twice_has_a_name_and_what_is_not_used_is_not_there():
    def compute(xp, a):
        unused = xp.exp(a[0])
        total = a[0] + a[1]
        return total * total, (total, unused)[0]

    name, line = written(compute, ["a[0]", "a[1]"])
    (variable,) = re.findall(r"const (t\d+) = a\[0\] \+ a\[1\];", name)
    assert line == f"return [{variable} * {variable}, {variable}];"


def test_a_long_expression_is_broken_up():
    lines = written(lambda xp, a: (sum((a[0] * k for k in range(2, 60)), a[0]),), ["a[0]"])
    assert len(lines) > 3
    assert all(len(line) < 2 * javascript.LONGEST for line in lines)


def test_calls_take_a_whole_array_as_it_is():
    def compute(xp, b):
        first = javascript.call(xp, "f", b, 2)
        second = javascript.call(xp, "f", [b[1], b[0]], 1)
        return first[1] + second[0], 1.0

    *lines, end = written(compute, ["b[0]", "b[1]"])
    assert [line.partition(" = ")[2] for line in lines] == ["f(b),", "f([b[1], b[0]]);"]
    assert re.fullmatch(r"return \[t\d+\[1\] \+ t\d+\[0\], 1\];", end)


def test_every_operation_that_a_formula_can_have_is_known():
    """Of losses and modifiers, also of those that come: an operation without text is an error when it is written."""
    with pytest.raises(KeyError, match="shift left"):
        written(lambda xp, a: (xp.operation("shift left", NUMBER, a[0], a[0]),), ["a[0]"])


def bodies(text):
    return text.split("=> {")[1:]


def check_names(text, known):
    """No name that is not defined: only arguments, Math, and what stands above."""
    words = set(re.findall(r"(?<![.\w\"])[A-Za-z_]\w*", re.sub(r'"[\w-]*"|\d\.?\d*e-?\d+', "", text)))
    known = known | {"const", "return", "Math", "NaN", "Infinity"}
    assert {w for w in words if not re.fullmatch(r"t\d+|evaluate|iou_term|penalty(_\d)?", w)} <= known
    for body in bodies(text):
        defined = re.findall(r"\b(t\d+) = ", body)
        assert len(defined) == len(set(defined))
        assert set(re.findall(r"\bt\d+\b", body)) == set(defined)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", bl.losses())
def test_every_loss_is_written(name, kind):
    if kind is ROTATED_BOXES and name in ("gcd", "piou", "piou2"):
        with pytest.raises(ValueError, match=f"^{type(bl.get(name)).__name__} is not defined for rotated boxes"):
            formulas.loss_as_object(bl.get(name), kind)
        return
    written = formulas.loss_as_object(bl.get(name), kind)
    text = written.text()
    assert written.traits.key.startswith(("u", "g"))
    assert bl.get(name).has_iou_term == ("iou_term:" in text)
    check_names(text, {"shape", "traits", "derivatives", "along_image", "b", "n", "f", "a", *subroutines()})


def test_what_many_losses_compute_is_called():
    found = subroutines()
    for name, text in found.items():
        check_names(text, {"r", *subroutines()} - {name})
        assert len(text) > 500, name
    ciou = formulas.loss_as_object(bl.ciou, ROTATED_BOXES)
    assert set(re.findall(r"\b[a-z]+_?[a-z]+_[a-z]+(?=\()|overlap", ciou.text())) == {
        "overlap",
        "enclosing_diagonal",
        "image_enclosing_diagonal",
    }


def test_only_what_differs_is_written_for_other_enclosing_boxes():
    differ = [loss for loss in (bl.iou, bl.l1, bl.kld, bl.giou, bl.ciou, bl.siou) if _along_image(loss)]
    assert differ == [bl.giou, bl.ciou, bl.siou]
    assert formulas.loss_as_object(bl.giou).along_image == {}  # all boxes lie along the image


def _along_image(loss):
    return formulas.loss_as_object(loss, ROTATED_BOXES).along_image


def test_numbers_of_a_loss_are_arguments():
    text = formulas.loss_as_object(bl.SmoothL1(beta=0.123)).text()
    assert "n[0]" in text
    assert "0.123" not in text
    assert formulas.loss_as_object(bl.SmoothL1(beta=0.5)).text() == text
