"""A page to drag and turn a box on: any loss, its value, its terms, its gradient, its landscape, and a ball on it.

The page is one file and needs no network. What it computes is written down from the functions that all engines run; no
formula stands in it a second time.
"""

import json
from html import escape
from importlib.resources import files
from string import Template

from boxloss.lab.explorer.catalogue import Catalogue
from boxloss.lab.explorer.state import not_registered, state_of
from boxloss.losses.ciou import ciou
from boxloss.losses.letters import LETTERS
from boxloss.losses.loss import Loss

STYLES = ("controls.css", "page.css", "scene.css")
SCRIPTS = (
    "losses.js", "descent.js", "state.js", "landscape.js", "scene.js", "arrows.js", "drag.js", "panel.js", "values.js",
    "angles.js", "chart.js", "ball.js", "examples.js", "main.js",
)  # fmt: skip
FOLDER = files(__name__) / "page"


def explore(loss: Loss = ciou) -> str:
    """Write a page to drag and turn a box on, with what a loss makes of it.

    Boxes may have an angle: losses that are not defined for such say so there.

    Parameters
    ----------
    loss : Loss
        What it shows first: a loss, a modifier of one, or a sum of such. All losses and modifiers of the package are
        on it; a loss of your own is too, if it is in this one. A parameter of it that is text is a choice there if the
        ValueError for another text names in quotes those that it takes.

    Returns
    -------
    str
        A whole HTML document, without links to other files: write it to a file, or put it into the ``srcdoc`` of an
        ``iframe``.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no loss, or a modifier of a sum.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab
    >>> document = lab.explore(bl.Focaler(bl.Inner(bl.ciou)))
    >>> document.startswith("<!doctype html>"), len(document) < 450_000
    (True, True)
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a loss, such as bl.ciou; got {type(loss).__name__}")
    catalogue = Catalogue(not_registered(loss))
    start = {"parts": state_of(loss, catalogue)}
    script = "\n".join([code(catalogue), f"const START = {_json(start)};", *map(_read, SCRIPTS[2:])])
    return Template(_read("index.html")).substitute(
        style="\n".join(map(_read, STYLES)),
        letters="".join(f"<li>{escape(line)}</li>" for line in LETTERS),
        script=f'"use strict";\n(() => {{\n{script}\n}})();',
    )


def code(catalogue: Catalogue) -> str:
    """Write what the page computes with, without what it draws: `traced`, `CATALOGUE`, and the functions over them."""
    described = {
        "losses": [entry.described for entry in catalogue.losses],
        "modifiers": [entry.described for entry in catalogue.modifiers],
    }
    return "\n".join([catalogue.code, f"const CATALOGUE = {_json(described)};", *map(_read, SCRIPTS[:2])])


def _json(value: object) -> str:
    """Write JSON that may stand in a script of HTML."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
