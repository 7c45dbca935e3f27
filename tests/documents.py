"""The code blocks of README.md and the documentation, and how they run.

A ``python`` block runs; a ``text`` block after it is what it prints. A ``pycon`` block is a doctest. The blocks of a
file share their names. A block that names an optional library runs where that is installed, and one that imports a
peer runs in the session `peers`.
"""

import doctest
import re
import textwrap
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTIONAL = ("torch", "dask", "jax", "cupy", "array_api_strict")
PEERS = re.compile(r"^(?:from|import) (?:torchvision|transformers|ultralytics|norfair|supervision|trackers)\b", re.M)
BLOCK = re.compile(r"^( *)```(python|pycon)\n(.*?)^\1```\n(?:\n```text\n(.*?)^```$)?", re.M | re.S)


def blocks(page, *, peers=False):
    """Line, kind, code and output of each block of a page that runs here."""
    text = page.read_text(encoding="utf-8")
    missing = [name for name in OPTIONAL if find_spec(name) is None]
    for found in BLOCK.finditer(text):
        _, kind, code, output = found.groups()
        code = textwrap.dedent(code)
        if not any(name in code for name in missing) and (peers or not PEERS.search(code)):
            yield text.count("\n", 0, found.start()) + 1, kind, code, output


def run(page, printed, *, peers=False):
    """Run the blocks of a page and compare what they print, which `printed()` gives; its names."""
    names = {"__name__": page.stem}
    for line, kind, code, output in blocks(page, peers=peers):
        where = f"{page.name}, line {line}"
        if kind == "python":
            exec(compile("\n" * line + code, page, "exec"), names)
            assert printed() == (output or ""), where
        else:
            example = doctest.DocTestParser().get_doctest(code, names, where, str(page), line)
            report = []
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(example, out=report.append, clear_globs=False)
            assert not runner.summarize(verbose=False).failed, "".join(report)
            names |= example.globs
    return names
