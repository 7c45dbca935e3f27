"""Make what the documentation and the package list of the losses: `python docs/make_tables.py`.

A loss is a file in src/boxloss/losses, which ends with an instance. From these follow the exports of the package, the
tables of README.md, docs/losses/index.md, docs/guide.md and docs/api.md, what docs/guide.md prints, and what the
commands of docs/cli.md print. A test compares.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np

import boxloss as bl
from boxloss.losses.listing import BOXES, Row, rows
from boxloss.pictures.formulas import with_signs

ROOT = Path(__file__).parent.parent
NAMED, NAMES = (ROOT / "src" / "boxloss" / "losses" / f"{name}.py" for name in ("named", "names"))
CLI = ROOT / "docs" / "cli.md"
SEES = {
    "areas": "overlap",
    "center_offset": "centre distance",
    "enclosing_offset": "centre distance",
    "center_distance": "centre distance",
    "size_difference": "sides",
    "aspect": "aspect ratio",
    "enclosing_diagonal": None,
    "enclosing_sides": None,
    "wasserstein": "boxes as Gaussians",
    "relative": "boxes as Gaussians",
    "projections": "extents along the axes",
}
OVERLAPPING, APART = ([0.0, 0, 2, 4], [1.0, 1, 4, 3]), ([0.0, 0, 2, 4], [5.0, 6, 9, 8])


def instances() -> dict[str, bl.Loss]:
    """The instance of each file by its name: in the order of `losses`, and then what is no loss."""
    found: dict[str, bl.Loss] = {}
    for module in iter_modules([str(NAMED.parent)], "boxloss.losses."):
        here = vars(import_module(module.name))
        found |= {
            name: loss
            for name, loss in here.items()
            if isinstance(loss, bl.Loss) and type(loss).__module__ == module.name
        }
    return {name: found[name] for name in [*bl.losses(), *(name for name in found if name not in bl.losses())]}


def exports(losses: dict[str, bl.Loss]) -> str:
    """The module that exports them."""
    lines, names = [], []
    for name, loss in losses.items():
        kind = type(loss)
        lines += [f"from {kind.__module__} import {public} as {public}" for public in (kind.__name__, name)]
        names += [f'    "{public}",' for public in (kind.__name__, name)]
    head = '"""Every loss and its instance, in the order of `boxloss.losses`; made by docs/make_tables.py."""'
    return "\n".join([head, "", *lines, "", "__all__: list[str] = [", *names, "]", ""])


def names_of(losses: dict[str, bl.Loss]) -> str:
    """The module that names them without importing them."""
    head = '"""The class of each instance, in the order of `boxloss.losses`; made by docs/make_tables.py."""'
    rows = [f'    "{name}": "{type(loss).__name__}",' for name, loss in losses.items()]
    return "\n".join([head, "", "NAMES = {", *rows, "}", ""])


def in_table(text: str) -> str:
    """A formula or a range as it stands in a table of Markdown."""
    return with_signs(text).replace("|", r"\|")


def gradient_apart(loss: bl.Loss) -> str:
    """What gradient boxes have that do not overlap."""
    boxes = [bl.convert(np.asarray(box), "xyxy", "cxcywh") for box in APART]
    _, grad = loss.value_and_grad(*boxes, format="cxcywh", engine="array")
    centre, sides = np.any(grad[:2]), np.any(grad[2:])
    return "has a gradient" if centre else "gradient of the sides alone" if sides else "gradient 0"


def changes_with_scale(loss: bl.Loss) -> bool:
    """Whether boxes twice as large have another value."""
    boxes = [np.asarray(box) for box in OVERLAPPING]
    return not np.isclose(loss(*boxes, engine="array"), loss(*(2.0 * box for box in boxes), engine="array"))


def table(head: list[str], body: list[list[str]]) -> str:
    """A table of Markdown."""
    first, *others = (f"| {' | '.join(row)} |" for row in [head, *body])
    return "\n".join([first, f"|{'---|' * len(head)}", *others])


def of_readme(losses: list[Row]) -> str:
    """Formula, range, boxes and paper of each loss."""
    told = [
        [
            f"[`{row.name}`](docs/losses/{row.name}.md)",
            in_table(row.expression),
            in_table(row.value_range),
            ", ".join(row.boxes),
            gradient_apart(row.loss),
            row.paper,
        ]
        for row in losses
        if row.name in bl.losses()
    ]
    return table(["loss", "formula", "range", "boxes", "without overlap", "paper"], told)


def of_index(losses: list[Row]) -> str:
    """What each loss depends on, and the pages."""
    told = []
    for name, loss, *_ in losses:
        seen = [SEES.get(str(which), str(which).replace("_", " ")) for which in loss.relations]
        sees = ", ".join(dict.fromkeys(filter(None, seen))) or "coordinates"
        apart = {"has a gradient": "yes", "gradient 0": "no"}.get(gradient_apart(loss), "of the sides alone")
        answers = [apart, "yes" if changes_with_scale(loss) else "no"]
        picture = f"![landscape of {name}](../_build/pictures/thumbnails/{name}.svg)"
        told.append([picture, f"[`{name}`]({name}.md)", f"{{py:obj}}`boxloss.{type(loss).__name__}`", sees, *answers])
    pages = "\n".join([*(row.name for row in losses), "weighted_sum"])
    head = ["landscape", "loss", "class", "sees", "gradient without overlap", "changes with scale"]
    sums = "Losses add up: see [weighted sums](weighted_sum.md)."
    return f"{table(head, told)}\n\n{sums}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```"


def of_api(losses: list[Row]) -> str:
    """Each instance with its class, its parameters and its boxes."""
    told = [
        [
            f"{{py:obj}}`boxloss.{row.name}`",
            f"{{py:obj}}`boxloss.{type(row.loss).__name__}`",
            ", ".join(f"`{f.name}={getattr(row.loss, f.name)!r}`" for f in fields(row.loss)),
            ", ".join(row.boxes),
        ]
        for row in losses
    ]
    return table(["instance", "class", "parameters", "boxes"], told)


def of_guide(losses: list[Row]) -> str:
    """What `losses` returns, and which of these are defined for each kind of box."""
    told = []
    for word in BOXES:
        fit = [f"`{row.name}`" for row in losses if row.name in bl.losses() and word in row.boxes]
        rest = [f"`{row.name}`" for row in losses if row.name in bl.losses() and word not in row.boxes]
        told.append(
            [word, ", ".join(fit) if len(fit) <= len(rest) else f"all but {', '.join(rest)}" if rest else "all"]
        )
    return f"```pycon\n>>> bl.losses()\n{bl.losses()!r}\n```\n\n{table(['boxes', 'losses'], told)}"


TABLES = {"README.md": of_readme, "docs/losses/index.md": of_index, "docs/api.md": of_api, "docs/guide.md": of_guide}


def pages() -> dict[Path, str]:
    """Each file with its list of losses as it should be."""
    losses = instances()
    listed = rows(losses)
    made = {NAMED: exports(losses), NAMES: names_of(losses)}
    for name, write in TABLES.items():
        page = ROOT / name
        text = page.read_text(encoding="utf-8")
        head, begin, rest = text.partition("<!-- losses -->\n")
        _, end, tail = rest.partition("\n<!-- end -->")
        if not end:
            raise SystemExit(f"{name} must have a place between <!-- losses --> and <!-- end -->")
        made[page] = f"{head}{begin}{write(listed)}{end}{tail}"
    return made


def printed(command: re.Match[str]) -> str:
    """A block of docs/cli.md with what its command prints."""
    environment = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    arguments = [sys.executable, "-m", "boxloss", *shlex.split(command[1])]
    ran = subprocess.run(arguments, env=environment, capture_output=True, encoding="utf-8", check=True)
    lines = "\n".join(line.rstrip() for line in ran.stdout.splitlines())
    return f"```console\n$ boxloss {command[1]}\n{lines}\n```\n"


def main() -> None:
    """Write all of them."""
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
    text = CLI.read_text(encoding="utf-8")
    CLI.write_text(
        re.sub(r"```console\n\$ boxloss ([^\n]*)\n.*?^```\n", printed, text, flags=re.M | re.S), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
