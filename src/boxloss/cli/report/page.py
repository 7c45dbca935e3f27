"""The parts of the page, and the page made of them."""

import base64
import io
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from PIL import Image

import boxloss as bl
from boxloss import plot
from boxloss.cli.tables import Table

DPI = 130
LIBRARIES = ("numpy", "numba", "scipy", "matplotlib")


class Picture(NamedTuple):
    """A picture inside the page."""

    uri: str
    width: int
    height: int
    alt: str
    still: str = ""  # for readers who want no motion


class Part(NamedTuple):
    """A table below a caption, and the pictures below it."""

    caption: str
    table: Table
    pictures: Sequence[Picture] = ()


@dataclass
class Section:
    """A heading, paragraphs, parts, and the commands that make them."""

    id: str
    title: str
    text: Sequence[str]
    parts: list[Part] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def picture(figure: Figure, alt: str) -> Picture:
    """Put a figure into the page as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    return Picture(data_uri(buffer.getvalue(), "png"), *Image.open(buffer).size, alt)


def motion(animation: FuncAnimation, alt: str) -> Picture:
    """Put an animation into the page as GIF, with its last frame as a still."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "motion.gif")
        plot.save(animation, path)
        content = path.read_bytes()
    frames, still = Image.open(io.BytesIO(content)), io.BytesIO()
    frames.seek(getattr(frames, "n_frames", 1) - 1)
    frames.save(still, "png")
    return Picture(data_uri(content, "gif"), *frames.size, alt, data_uri(still.getvalue(), "png"))


def data_uri(content: bytes, kind: str) -> str:
    """Write a picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def render(sections: Sequence[Section], names: Sequence[str], seed: int, command: str) -> str:
    """Write the page as HTML."""
    environment = Environment(
        loader=PackageLoader("boxloss.cli.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    versions = {"boxloss": bl.__version__, "Python": platform.python_version()}
    return environment.get_template("page.html").render(
        sections=sections,
        names=names,
        seed=seed,
        command=command,
        versions=versions | {name: version(name) for name in LIBRARIES},
    )
