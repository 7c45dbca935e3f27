"""The parts of the page, and the page made of them."""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import boxloss as bl
from boxloss.cli.tables import Table

LIBRARIES = ("numpy", "numba", "scipy")


class Picture(NamedTuple):
    """A drawing, what it is of, and what it shows."""

    drawing: Markup
    title: str
    line: str = ""


class Pictures(NamedTuple):
    """Pictures side by side below a text."""

    text: str
    pictures: Sequence[Picture]
    legend: Markup | str = ""
    kind: str = "tiles"  # or charts, which are wider


class Part(NamedTuple):
    """A table below a caption."""

    caption: str
    table: Table


class Card(NamedTuple):
    """A loss in pictures."""

    name: str
    formula: str
    verdict: str
    pictures: Sequence[Picture]


@dataclass
class Section:
    """A heading, paragraphs, pictures, and folded below them tables and the commands that make them.

    Attributes
    ----------
    id, title, text
        The anchor, the heading and the paragraphs.
    cards
        Losses side by side, each in pictures.
    rows
        Rows of pictures.
    parts
        Tables, folded.
    commands
        What makes the numbers, folded.
    folded
        What the fold is called that holds the pictures too; empty if they are in the open.
    key
        How to read the pictures: a drawing, a name and a sentence each.
    html
        Anything else, as it is: a drawing of its own, a page within the page.
    """

    id: str
    title: str
    text: Sequence[str]
    cards: Sequence[Card] = ()
    rows: Sequence[Pictures] = ()
    parts: list[Part] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    folded: str = ""
    key: Sequence[Picture] = ()
    html: Markup | str = ""


def minus(text: str) -> str:
    """Give negative numbers of a text a true minus sign."""
    return type(text)(re.sub(r"(?<![^\s(])-(?=[\d.])", "\N{MINUS SIGN}", text))  # one that is Markup stays so


def environment() -> Environment:
    """Make the environment of the templates."""
    made = Environment(
        loader=PackageLoader("boxloss.cli.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["minus"] = minus
    return made


def render(sections: Sequence[Section], names: Sequence[str], seed: int, command: str) -> str:
    """Write the page as HTML."""
    versions = {"boxloss": bl.__version__, "Python": platform.python_version()}
    return (
        environment()
        .get_template("page.html")
        .render(
            sections=sections,
            names=names,
            seed=seed,
            command=command,
            versions=versions | {name: version(name) for name in LIBRARIES},
        )
    )
