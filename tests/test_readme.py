"""The Python blocks of README.md, CONTRIBUTING.md and the documentation run and print what they say.

The guide of a framework runs in the session of that framework. A ``console`` block is one command of the command line
and what it prints.
"""

import importlib
import inspect
import os
import pkgutil
import re
import shlex
import subprocess
import sys

import pytest

import boxloss as bl
from boxloss import compat
from boxloss.losses import registry
from boxloss.verbs import select
from documents import BLOCK, PAGES, ROOT, run

COMMANDS = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
FRAMEWORKS = {
    "torch": "torch",
    "torchvision": "torch",
    "ultralytics": "torch",
    "transformers": "torch",
    "jax": "jax",
    "dask": "dask",
    "cluster": "dask",
}  # guide: mark of its session
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def pages():
    """The pages with blocks, each for the session that it runs in."""
    for page in PAGES:
        if BLOCK.search(page.read_text(encoding="utf-8")):
            mark = FRAMEWORKS.get(page.stem) if page.parent.name == "frameworks" else None
            yield pytest.param(page, id=str(page.relative_to(ROOT)), marks=[getattr(pytest.mark, mark)] if mark else [])


@pytest.mark.parametrize("page", list(pages()))
def test_blocks_run_and_print_what_they_say(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if page.parent.name == "losses":  # a kernel for each page would take half a minute, and prints the same
        monkeypatch.setattr(select, "is_compiler_off", lambda: True)
    monkeypatch.setattr(registry, "BY_NAME", {name: bl.get(name) for name in bl.losses()})  # CONTRIBUTING enters a loss
    run(page, lambda: capsys.readouterr().out)


COMPAT = [f"boxloss.compat.{module.name}" for module in pkgutil.iter_modules(compat.__path__)]


@pytest.mark.parametrize("name", ["boxloss", "boxloss.lab", "boxloss.plot", *COMPAT])
def test_api_page_has_every_public_name(name):
    public = getattr(importlib.import_module(name), "__all__", ())  # profiles and their parts have none
    missing = {f"{name}.{one}" for one in public} - set(re.findall(r"[\w.]+", API))
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
