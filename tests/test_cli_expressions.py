"""Losses and numbers as options have them."""

import json

import pytest
from click.testing import CliRunner

import boxloss as bl
from boxloss.cli import app
from boxloss.cli.expressions import kinds, loss_of, split

SCORE = ("score", "--sample", "--engine", "array")


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def error(*args):
    """The one line of an error."""
    code, output = run(*args)
    assert (code, output.count("\n")) == (2, 1), output
    return output.removeprefix("boxloss: ").removesuffix("\n")


# --- Expressions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("giou", bl.giou),
        ("5*l1+2*giou", 5 * bl.L1() + 2 * bl.GIoU()),
        ("smooth_l1(beta=0.1)", bl.SmoothL1(beta=0.1)),
        ("l1(coordinates='cxcywh')", bl.L1(coordinates="cxcywh")),
        ("ciou(full_gradient=True, eps=1e-7)", bl.CIoU(full_gradient=True, eps=1e-7)),
        ("giou * 2 - 0.5 * (l1 + iou)", 2 * bl.GIoU() + (-0.5) * bl.L1() + (-0.5) * bl.IoU()),
        ("-iou", -1.0 * bl.IoU()),
        ("2 * 3 * iou", 6.0 * bl.IoU()),
        ("(1 + 0.5) * iou", 1.5 * bl.IoU()),
        ("inner(ciou, ratio=0.7)", bl.Inner(bl.CIoU(), ratio=0.7)),
        ("focaler(inner(siou))", bl.Focaler(bl.Inner(bl.SIoU()))),
        ("iou + interpolated(iou, alpha=0.98)", bl.IoU() + bl.Interpolated(bl.IoU(), 0.98)),
        ("mpdiou(image_size=(480, 640))", bl.MPDIoU(image_size=(480, 640))),
    ],
)
def test_expressions(text, loss):
    assert repr(loss_of(text)) == repr(loss)
    (written,) = split(text)
    assert repr(loss_of(written)) == repr(loss)
    assert split(written) == [written]


def test_commas_between_losses_and_between_parameters():
    assert split("huber(delta=2, coordinates='xywh'),5*l1 + 2*giou ,iou") == [
        "huber(delta=2, coordinates='xywh')",
        "5 * l1 + 2 * giou",
        "iou",
    ]


@pytest.mark.parametrize("name", bl.losses())
def test_every_name_is_an_expression(name):
    assert loss_of(name) is bl.get(name)


EXAMPLES = (
    "write a name, as giou, with parameters, as smooth_l1(beta=0.1), a loss of a loss, as inner(ciou, ratio=0.7), "
    "or a sum, as 5*l1+2*giou"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("giuo", f"'giuo' is not one of {', '.join(kinds())}. Did you mean 'giou'?"),
        ("GIoU", f"'GIoU' is not one of {', '.join(kinds())}. Did you mean 'giou'?"),
        ("xyz", f"'xyz' is not one of {', '.join(kinds())}."),
        ("inner(mpdiou)", "'inner(mpdiou)' needs the size of the image, as mpdiou(image_size=(480, 640))"),
        ("2 * nope", f"'nope' is not one of {', '.join(kinds())}."),
        ("smooth_l1(bta=1)", "smooth_l1 has no parameter 'bta'; it has coordinates, beta. Did you mean 'beta'?"),
        ("l1(**{'a': 1})", "l1 has no parameter '**'; it has coordinates."),
        ("smooth_l1(beta=giou)", "beta of smooth_l1 must be a number, a string, True or False; got 'giou'"),
        ("l1 iou", "losses are separated by commas: l1,iou"),
        ("l1,,iou", f"'l1,,iou' is no loss: {EXAMPLES}"),
        ("2giou", f"'2giou' is no loss: {EXAMPLES}"),
        ("3", f"'3' is a number, not a loss: {EXAMPLES}"),
        ("True * l1", f"'True' is no loss: {EXAMPLES}"),
        ("l1 * iou", f"a loss can be multiplied by a number, not by a loss: {EXAMPLES}"),
        ("l1 + 2", f"a loss can be added to a loss, not to a number: {EXAMPLES}"),
        ("l1 / 2", f"'l1 / 2' is no loss: {EXAMPLES}"),
        ("l1(1)", "'l1(1)' is no loss: parameters are given by name, as l1(coordinates=...)"),
        (
            "alpha(ciou, 2)",
            "'alpha(ciou, 2)' is no loss: parameters are given by name, as alpha(ciou, alpha=2)",
        ),
        ("Alpha(ciou)", "'Alpha(ciou)' is no loss. Did you mean 'alpha'?"),
        ("innr(ciou, ratio=0.7)", "'innr(ciou, ratio=0.7)' is no loss. Did you mean 'inner'?"),
        ("l1.__class__", f"'l1.__class__' is no loss: {EXAMPLES}"),
        ("__import__('os')", f"\"__import__('os')\" is no loss: {EXAMPLES}"),
        ("[l1 for l1 in ()]", f"'[l1 for l1 in ()]' is no loss: {EXAMPLES}"),
    ],
)
def test_what_is_no_loss(text, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared as a whole
        split(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    ["smooth_l1(beta=-1)", "1e999 * l1", f"{10**400} * l1", "l1(coordinates=3)", "ciou(full_gradient=2)", "\0", "l1\0"],
)
def test_what_the_library_refuses(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the library's
        split(text)


@pytest.mark.parametrize(
    "text", ["(" * 500 + "l1" + ")" * 500, *("+".join(["l1"] * n) for n in (350, 20_000)), "-" * 50_000 + "l1"]
)
def test_expressions_that_are_too_long(text):
    with pytest.raises(ValueError, match=r"no loss|too long"):
        split(text)


# --- In commands ----------------------------------------------------------------------------------------------------


def test_score_of_a_sum():
    code, output = run(*SCORE, "--loss", "5*l1+2*giou", "--loss", "l1,giou,5 * l1 + 2 * giou")
    assert code == 0
    total, l1, giou = (line.split()[-5:] for line in output.splitlines()[4:])
    assert float(total[0]) == pytest.approx(5 * float(l1[0]) + 2 * float(giou[0]), rel=1e-3)
    assert output.splitlines()[4].startswith("5 * l1 + 2 * giou ")


@pytest.mark.parametrize("command", ["landscape", "descend", "correlate", "simulate"])
def test_lab_with_parameters(command, tmp_path):
    few = {"landscape": ("--resolution", 8), "descend": ("--steps", 3), "correlate": ("--count", "1e2")}
    options = (*few.get(command, ("--points", 2)), "--out", tmp_path / "made.json", "--out", tmp_path / "made.csv")
    code, output = run(command, "--loss", "smooth_l1(beta=0.1)+iou", *options)
    assert code == 0, output
    assert "smooth_l1(beta=0.1) + iou" in output
    document = json.loads((tmp_path / "made.json").read_text())
    assert document["results"][0]["loss"] == document["settings"]["losses"][0] == "smooth_l1(beta=0.1) + iou"


@pytest.mark.parametrize(
    "args",
    [
        (*SCORE, "--losses", "l1", "iou"),
        (*SCORE, "--losses", "l1,", "iou"),
        ("landscape", "--losses", "l1", "iou"),
        ("correlate", "--losses", "l1", "iou", "giou"),
        ("report", "--losses", "l1", "iou"),
    ],
)
def test_losses_separated_by_a_space(args):
    message = f"losses are separated by commas: --losses l1,iou. Try 'boxloss {args[0]} --help'."
    assert error(*args) == message


def test_a_file_with_the_name_of_a_loss(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iou").write_text("{}")
    assert error("score", "--losses", "l1", "iou", "iou") == "iou: 'annotations' is missing"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((*SCORE, "--losses", "giuo"), "Did you mean 'giou'? Try 'boxloss score --help'."),
        ((*SCORE, "--format", "XYXY"), "Did you mean 'xyxy'? Try 'boxloss score --help'."),
        ((*SCORE, "--engine", "nunba"), "Did you mean 'numba'?"),
        (("simulate", "--plot", "errormap"), "Did you mean 'error-map'?"),
        (("correlate", "--count", "1e-6"), "'1e-6' is not a whole number."),
        (("correlate", "--count", "1e999"), "'1e999' is not a whole number."),
        (("correlate", "--count", "2.5"), "'2.5' is not a whole number."),
        (("correlate", "--count", "1e30"), "Try 'boxloss correlate --help'."),
        (("descend", "--steps", "9999999999999"), "9999999999999 is not in the range 1<=x<=1000000."),
        (("descend", "--boxes", "1e30"), "Try 'boxloss descend --help'."),
        (("descend", "--boxes", "1e14"), "not enough memory: "),
        (("descend", "--start", "nan", 0, 1, 1), "nan is not a finite number."),
        (("descend", "--target", 0, 0, 1, "inf"), "inf is not a finite number."),
        (("descend", "--lr", "nan"), "nan is not a finite number."),
        (("landscape", "--pred-size", "nan", 1), "nan is not a finite number."),
    ],
)
def test_values_of_options(args, message):
    assert message in error(*args)


def test_whole_numbers_may_have_an_exponent(tmp_path):
    run("correlate", "--loss", "l1", "--count", "1e2", "--seed", "2.0", "--out", tmp_path / "made.json")
    settings = json.loads((tmp_path / "made.json").read_text())["settings"]
    assert (settings["count"], settings["seed"]) == (100, 2)


def test_completion_inside_an_expression():
    option = next(option for option in app.commands["score"].params if option.name == "losses")
    assert [item.value for item in option.shell_complete(None, "5*l1+2*gi")] == ["5*l1+2*giou"]
    found = {
        "inner(ciou, ra": ["inner(ciou, ratio="],
        "inner(ci": ["inner(ciou"],
        "2*focaler(inner(siou, ratio=0.7), ": ["2*focaler(inner(siou, ratio=0.7), low=", "high="],
        "focaler(inner(siou), low=0.1, ": ["focaler(inner(siou), low=0.1, high="],
        "smooth_l1(be": ["smooth_l1(beta="],
        "smooth_l1(beta=0.1)+gi": ["smooth_l1(beta=0.1)+giou"],
        "unknown(gi": ["unknown(giou"],
        "inner(ciou, ratio=": [],
        "focaler(2*gi": ["focaler(2*giou"],
        "l1,gi": ["l1,giou"],
    }
    for text, completed in found.items():
        values = [item.value for item in option.shell_complete(None, text)]
        begun = text[: text.rfind(" ") + 1]
        assert [value.removeprefix(begun) if k else value for k, value in enumerate(values)] == completed


@pytest.mark.parametrize("command", [(*SCORE, "--loss", "l1"), ("losses",), ("landscape", "--loss", "l1")])
def test_wrong_number_of_threads_in_the_environment(command, monkeypatch):
    monkeypatch.setattr(bl.engines.threads, "_num_threads", None)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "0")
    assert error(*command) == "environment variable NUMBA_NUM_THREADS must be a whole number above 0; got '0'"
