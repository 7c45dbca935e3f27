"""The page of `boxloss explore` as text; `nox -s browser` opens it."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner

import boxloss as bl
from boxloss import lab
from boxloss.cli import app
from boxloss.lab.explorer.boxes import KINDS
from boxloss.lab.explorer.catalogue import REGISTERED, Catalogue
from boxloss.lab.explorer.parameters import Choice
from boxloss.lab.explorer.state import not_registered, state_of
from boxloss.losses.overlap import OverlapLoss

LARGEST = 450_000  # bytes


@dataclass(frozen=True)
class Halved(OverlapLoss):
    """Half the IoU loss, or another share."""

    share: float = 0.5
    relations = ("areas",)
    expression = "share (1 - I / U)"
    value_range = "[0, share]"

    @staticmethod
    def formula(xp, areas, share):
        distance, (d_areas,) = bl.IoU.formula(xp, areas, 0.0)
        return share * distance, (type(d_areas)(share * d_areas.intersection, share * d_areas.union),)


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue({})


@pytest.fixture(scope="module")
def document():
    return lab.explore()


def described(document):
    return json.loads(re.search(r"^const CATALOGUE = (.*);$", document, re.MULTILINE)[1])


def start(document):
    return json.loads(re.search(r"^const START = (.*);$", document, re.MULTILINE)[1])["parts"]


# --- The page ---------------------------------------------------------------------------------------------------------


def test_page_is_one_small_file(document):
    assert document.startswith("<!doctype html>")
    assert len(document.encode()) < LARGEST
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)|@import|\bfetch\(|https?://[^\"]*", document)
    assert {address for pair in addresses for address in pair if address} == {"data:,"}
    assert "http://www.w3.org/2000/svg" in document
    assert document.count("<script") == document.count("</script") == 1


def test_every_loss_and_modifier_is_on_it(document):
    entries = described(document)
    assert [entry["name"] for entry in entries["losses"]] == [*bl.losses(), "mpdiou"]
    assert [entry["class"] for entry in entries["modifiers"]] == [kind.__name__ for kind in bl.MODIFIERS]
    assert start(document) == [
        {"weight": 1.0, "name": "ciou", "values": {"eps": 0.0, "full_gradient": False}, "modifiers": []}
    ]


def test_every_element_that_scripts_ask_for_is_there(document):
    asked = set(re.findall(r"byId\(\"([\w-]+)\"\)", document)) | set(re.findall(r"drawChart\(\"([\w-]+)\"", document))
    assert asked <= set(re.findall(r"\bid=\"([\w-]+)\"", document))


def test_a_loss_of_ones_own_is_on_it():
    document = lab.explore(bl.Inner(bl.iou) + 3.0 * Halved(share=0.25))
    entry = described(document)["losses"][-1]
    assert (entry["name"], entry["python"], entry["fixed"]) == ("Halved(share=0.25)", "Halved", {})
    assert [part["name"] for part in start(document)] == ["iou", "Halved(share=0.25)"]
    assert start(document)[1] == {
        "weight": 3.0,
        "name": "Halved(share=0.25)",
        "values": {"share": 0.25},
        "modifiers": [],
    }


def test_what_the_page_cannot_set_is_fixed():
    loss = bl.MPDIoU(image_size=(480, 640))
    entry = Catalogue(not_registered(loss)).losses[-1]
    assert (entry.layout, entry.about["fixed"]) == ([480.0, 640.0], {"image_size": "(480.0, 640.0)"})


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("ciou", TypeError, "loss must be a loss, such as bl.ciou; got str"),
        (
            bl.Scaled(bl.l1 + bl.iou, 0.5),
            ValueError,
            "the explorer shows sums of losses, and modifiers of one loss, but not modifiers of a sum",
        ),
    ],
)
def test_what_it_does_not_show(loss, error, message):
    with pytest.raises(error, match=re.escape(message)):
        lab.explore(loss)


# --- Parameters -------------------------------------------------------------------------------------------------------


def test_every_number_of_a_slider_is_one_that_the_loss_takes(catalogue):
    for entry in [*catalogue.losses, *catalogue.modifiers]:
        other = {"loss": bl.ciou} if entry in catalogue.modifiers else {}
        for number in entry.numbers:
            assert number.low <= number.start <= number.high
            assert 0.0 < number.step <= (number.high - number.low) / 20
            if not number.below and number.name != "high":
                for value in (number.low, number.start, number.high):
                    given = {n.name: n.start for n in entry.numbers} | {number.name: value}
                    entry.kind(**other, **given)


def test_a_slider_has_no_gap_of_numbers_that_the_loss_refuses(catalogue):
    """Of tau, 0 is taken and 0.5 is not."""
    entry = next(e for e in catalogue.losses if e.name == "gwd")
    (tau,) = (number for number in entry.numbers if number.name == "tau")
    assert (tau.low, tau.start) == (1.0, 1.0)


@dataclass(frozen=True)
class Named(Halved):
    """One with a text that may be any."""

    label: str = "mine"

    @staticmethod
    def formula(xp, areas, share, label):
        return Halved.formula(xp, areas, share)


def test_a_text_is_a_choice_if_its_loss_says_which_it_takes(catalogue):
    for loss in (bl.BCD(fun="sqrt"), bl.ProbIoU("l2"), bl.L1(coordinates="xywh")):
        assert not_registered(loss) == {}
    (part,) = state_of(bl.BCD(fun="sqrt"), catalogue)
    assert part["values"] == {"fun": "sqrt", "tau": 1.0}
    own = Catalogue(not_registered(Named(label="theirs"))).losses[-1]
    assert (own.choices, own.about["fixed"]) == ([], {"label": "'theirs'"})


def test_a_loss_with_other_fixed_values_is_not_shown_as_another():
    loss = bl.MPDIoU(image_size=(480, 640))
    assert list(not_registered(loss).values()) == [loss]


def test_the_order_of_two_numbers_is_found(catalogue):
    orders = {
        (e.name, n.name, n.below) for e in [*catalogue.losses, *catalogue.modifiers] for n in e.numbers if n.below
    }
    assert orders == {("focaler", "low", "high")}


def test_choices_are_found(catalogue):
    choices = {e.name: e.choices for e in [*catalogue.losses, *catalogue.modifiers] if e.choices}
    fun = Choice("fun", "log1p", ("log1p", "sqrt", "none"))
    coordinates = [Choice("coordinates", "xyxy", ("xyxy", "xywh", "cxcywh"))]
    assert choices == dict.fromkeys(("l1", "smooth_l1", "huber", "l2"), coordinates) | {
        "ciou": [Choice("full_gradient", False, (False, True))],
        "gwd": [fun, Choice("normalize", True, (False, True))],
        "kld": [fun, Choice("sqrt", True, (False, True))],
        "bcd": [fun],
        "probiou": [Choice("mode", "l1", ("l1", "l2"))],
        "kfiou": [Choice("fun", "none", ("none", "ln", "exp"))],
        "wise": [Choice("version", 3, (2, 3))],
    }


def test_terms_have_the_names_of_the_formula(catalogue):
    terms = {entry.name: entry.about["terms"] for entry in catalogue.losses}
    assert terms["ciou"] == ["1 - I / U", "rho^2 / c^2", "alpha v"]
    assert terms["siou"] == ["1 - I / U", "(Delta + Omega) / 2"]
    assert terms["wiou"] == ["1 - I / U", "penalty 1"]  # a product
    assert terms["l1"] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_modifiers_know_what_they_take(catalogue, kind):
    own = {entry.name: entry for entry in catalogue.losses if kind.name in entry.variants}
    losses = {name: next(iter(entry.variants[kind.name].values())) for name, entry in own.items()}
    for entry in catalogue.modifiers:
        takes = set(next(iter(entry.variants[kind.name].values())))
        values = {number.name: number.start for number in entry.numbers}
        for name, written in losses.items():
            try:
                entry.kind(loss=REGISTERED[name], **values).program.structure.check_shape(kind.shape)
            except ValueError:
                assert written.traits.key not in takes or (entry.about["encloses"] and not own[name].about["encloses"])
            else:
                assert written.traits.key in takes
                assert own[name].about["encloses"] or not entry.about["encloses"]


def test_losses_that_refuse_boxes_with_an_angle_say_why(catalogue):
    refused = {entry.name: entry.refused for entry in catalogue.losses if entry.refused}
    assert set(refused) == {"piou", "piou2", "gcd", "mpdiou"}
    for name, why in refused.items():
        (told,) = why.values()
        image = {"image_size": (4, 6)} if name == "mpdiou" else {}
        with pytest.raises(ValueError, match=rf"^{re.escape(told)}\. Defined for them are "):
            REGISTERED[name](np.ones((1, 5)), np.ones((1, 5)), format="cxcywha", **image)


def test_state_of_nests_and_sums(catalogue):
    loss = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.Focaler(bl.Inner(bl.giou, ratio=0.7), low=0.2)
    assert state_of(loss, catalogue) == [
        {"weight": 5.0, "name": "l1", "values": {"coordinates": "cxcywh"}, "modifiers": []},
        {
            "weight": 2.0,
            "name": "giou",
            "values": {"eps": 0.0},
            "modifiers": [
                {"name": "inner", "values": {"ratio": 0.7}},
                {"name": "focaler", "values": {"low": 0.2, "high": 0.95}},
            ],
        },
    ]


# --- The command ------------------------------------------------------------------------------------------------------


def run(*args):
    result = CliRunner().invoke(app, ["explore", *map(str, args)], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_command_writes_the_page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("an older one", encoding="utf-8")
    code, output = run("--loss", "focaler(inner(ciou), low=0.1)", "--out", path)
    assert (code, re.sub(r"\d+", "N", output.splitlines()[-1].rpartition(": ")[2])) == (
        0,
        "N kB; open it in a browser",
    )
    loss = bl.Focaler(bl.Inner(bl.ciou), low=0.1)
    assert path.read_text(encoding="utf-8") == lab.explore(loss)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--loss", "cio"), "'cio' is not one of "),
        (
            ("--loss", "giou,ciou"),
            "the page shows one loss first, and others when they are chosen; got giou, ciou. A sum",
        ),
        (("--loss", "scaled(l1 + iou, ratio=0.5)"), "but not modifiers of a sum"),
        (("--out", "page.txt"), "page.txt: --out must end in .html"),
        (("--out", "nowhere/page.html"), "nowhere/page.html: cannot be written: No such file or directory"),
        (("--out", "folder.html"), "folder.html: is a folder"),
    ],
)
def test_errors_of_the_command(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    code, output = run(*args)
    assert code == 2
    assert len(output.splitlines()) == 1
    assert message in output
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]
