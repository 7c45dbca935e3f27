"""Make a notebook of a page and run it: python docs/make_notebook.py.

docs/why-iou-losses.md becomes docs/_build/notebooks/why-iou-losses.ipynb. Blocks of Python are cells; so are commands
of the lab, with ``--quick`` and for few losses, and those that draw a figure, which show it. Commands that take longer
keep the output that the page has.
"""

import re
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parent
PAGES = ("why-iou-losses.md",)
MADE = DOCS / "_build" / "notebooks"
RUN = r"boxloss (?:landscape|descend|correlate|simulate|losses|info)\b"
COMMAND = re.compile(rf"^```console\n\$ ({RUN}[^\n]*)\n.*?^```$", re.M | re.S)
DRAWN = re.compile(rf"^!\[[^\]]*\]\(figures/([^)]+)\)\n\n\*Drawn by `({RUN}[^`]*) --out [^`]*`\*$", re.M)
KEPT = re.compile(r"\]\((figures/[^)]+)\)")
PROMPTS = re.compile(r"^```pycon\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"(\]\((?!https?:)[^)#]+)\.md\b")
TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
LOSSES = re.compile(r"(?: --loss \w+)+")
FEW = ("l1", "iou", "ciou")  # of the losses of a command, if it has one of them: each takes its time to compile
TIMEOUT = 300  # seconds a cell
NOTE = """
*This notebook is made of a page. Its commands have `--quick`, small samples for a first look, and few losses: change
that for the numbers that the text has. It needs `pip install "boxloss[cli,lab]"`.*
"""


def cell(code: str) -> str:
    """A block that jupytext makes a cell."""
    return f"```python\n{code}\n```"


def small(command: str) -> str:
    """A command of the page in small, run in the process of the notebook."""

    def few(losses: re.Match[str]) -> str:
        named = losses[0].split()[1::2]
        return "".join(f" --loss {name}" for name in [name for name in named if name in FEW] or named)

    return f"%run -m {LOSSES.sub(few, command)} --quick"


def drawing(found: re.Match[str]) -> str:
    """A cell that draws a figure and shows it."""
    file, command = found.groups()
    kind = "SVG" if file.endswith(".svg") else "Image"
    return cell(f'from IPython.display import {kind}\n\n{small(f"{command} --out {file}")}\n{kind}("{file}")')


def kept(found: re.Match[str]) -> str:
    """A figure that is not drawn again, inside the notebook."""
    path = DOCS / found[1]
    return f"](data:{TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode('ascii')})"


def code_of(session: re.Match[str]) -> str:
    """A cell with what was typed in a session of Python."""
    lines = [line[4:] for line in session[1].splitlines() if line.startswith((">>> ", "... "))]
    return cell("\n".join(lines))


def convert(text: str) -> Any:
    """The notebook of a page of Markdown."""
    title, _, rest = text.partition("\n")
    text = f"{title}\n{NOTE}{rest}"
    text = COMMAND.sub(lambda block: cell(small(block[1])), text)
    text = PROMPTS.sub(code_of, DRAWN.sub(drawing, text))
    notebook = jupytext.reads(KEPT.sub(kept, LINK.sub(r"\1.html", text)), fmt="md")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, one in enumerate(notebook.cells):
        one["id"] = f"cell-{number}"  # not a random one
    return notebook


def run(notebook: Any) -> None:
    """Run a notebook in an empty folder; an error of a cell or of a command in it ends the program."""
    with TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": folder}}).execute()
    for one in notebook.cells:
        printed = "".join(output.get("text", "") for output in one.get("outputs", []))
        if re.search(r"^boxloss: (?!warning)|^Usage: ", printed, re.M):
            raise SystemExit(f"{one.source}\n{printed}")


def main() -> None:
    """Make them all."""
    MADE.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        notebook = convert((DOCS / name).read_text(encoding="utf-8"))
        run(notebook)
        path = MADE / Path(name).with_suffix(".ipynb").name
        nbformat.write(notebook, path)
        cells = sum(one.cell_type == "code" for one in notebook.cells)
        print(f"{path}: {cells} cells ran")


if __name__ == "__main__":
    main()
