"""The Python blocks of README.md, CONTRIBUTING.md and the documentation run and print what they say.

A ``python`` block runs; a ``text`` block after it is what it prints. A ``pycon`` block is a doctest. The blocks of a
file share their names. A block that names an optional library runs where that is installed; the guide of a framework
runs in the session of that framework. A ``console`` block is one command of the command line and what it prints.
"""

import doctest
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
OPTIONAL = ("torch", "dask", "jax", "cupy", "array_api_strict")
FRAMEWORKS = {
    "torch": "torch",
    "torchvision": "torch",
    "jax": "jax",
    "dask": "dask",
    "cluster": "dask",
}  # guide: mark of its session
BLOCK = re.compile(r"^( *)```(python|pycon)\n(.*?)^\1```\n(?:\n```text\n(.*?)^```$)?", re.M | re.S)


API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def blocks(page):
    """Line, kind, code and output of each block of a page that runs here."""
    text = page.read_text(encoding="utf-8")
    missing = [name for name in OPTIONAL if find_spec(name) is None]
    for found in BLOCK.finditer(text):
        _, kind, code, output = found.groups()
        code = textwrap.dedent(code)
        if not any(name in code for name in missing):
            yield text.count("\n", 0, found.start()) + 1, kind, code, output


def pages():
    """The pages with blocks, each for the session that it runs in."""
    for page in PAGES:
        if BLOCK.search(page.read_text(encoding="utf-8")):
            mark = FRAMEWORKS.get(page.stem) if page.parent.name == "frameworks" else None
            yield pytest.param(page, id=str(page.relative_to(ROOT)), marks=[getattr(pytest.mark, mark)] if mark else [])


@pytest.mark.parametrize("page", list(pages()))
def test_blocks_run_and_print_what_they_say(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for line, kind, code, output in blocks(page):
        where = f"{page.name}, line {line}"
        if kind == "python":
            exec(compile("\n" * line + code, page, "exec"), names)
            assert capsys.readouterr().out == (output or ""), where
        else:
            example = doctest.DocTestParser().get_doctest(code, names, where, str(page), line)
            report = []
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(example, out=report.append, clear_globs=False)
            assert not runner.summarize(verbose=False).failed, "".join(report)
            names |= example.globs


@pytest.mark.parametrize("name", ["boxloss", "boxloss.lab", "boxloss.plot", "boxloss.compat.torchvision"])
def test_api_page_has_every_public_name(name):
    missing = {f"{name}.{public}" for public in importlib.import_module(name).__all__} - set(re.findall(r"[\w.]+", API))
    assert not missing


@pytest.mark.torch
def test_api_page_has_the_signature_of_the_module():
    """Written out there, since the documentation is built without torch."""
    from boxloss.torch import BoxLoss

    wanted = inspect.signature(BoxLoss)
    wanted = wanted.replace(
        parameters=[p.replace(annotation=p.empty) for p in wanted.parameters.values()], return_annotation=wanted.empty
    )
    assert f"boxloss.torch.BoxLoss{wanted}\n" in API


@pytest.mark.parametrize("command", re.findall(r"^```console\n\$ boxloss (.*?)^```$", COMMANDS, re.M | re.S))
def test_commands_print_what_they_say(command):
    arguments, output = command.split("\n", 1)
    environment = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-m", "boxloss", *shlex.split(arguments)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert [line.rstrip() for line in ran.stdout.splitlines()] == output.splitlines()
