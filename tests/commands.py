"""The commands, run in this process or in one of their own, and the embedded sample that they are run on."""

import os
import subprocess
import sys

import numpy as np
from click.testing import CliRunner

from boxloss import coco
from boxloss.cli import app
from boxloss.cli.descend import random_starts
from boxloss.data import sample

QUICK = ("--engine", "array")  # nothing to compile


def invoked(*args):
    """The result of a command that ends as commands do."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run(*args):
    """Exit code and output, errors among it."""
    result = invoked(*args)
    return result.exit_code, result.output


def run_apart(*args):
    """Exit code, output and errors."""
    result = invoked(*args)
    return result.exit_code, result.stdout, result.stderr


def error(*args):
    """The one line of an error."""
    code, output = run(*args)
    assert code == 2, output
    assert output.endswith("\n")
    assert len(output.splitlines()) == 1
    assert output.startswith("boxloss: ")
    return output.removeprefix("boxloss: ").removesuffix("\n")


def starts(target, size, seed):
    return random_starts(np.asarray(target), 12, 3.0, seed, size)


def stop(*args, **options):
    raise KeyboardInterrupt


def score(*args):
    """The words of each row of the table, and the first line before it."""
    code, output = run("score", *QUICK, *args)
    assert code == 0, output
    headline, _, _, _, *rows = output.splitlines()
    return headline, [row.split() for row in rows if row.strip()]


def process(*args, code="import boxloss.__main__ as m; m.main()", **environment):
    """A command in a process of its own, or other code there."""
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def copy_of_sample(folder):
    """Paths of a copy of the embedded sample."""
    for file in sample():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / "ground_truth.json", folder / "detections.json"


def matches_of_sample():
    """The pairs of the embedded sample."""
    truth = coco.read_ground_truth(sample()[0])
    return coco.match(truth, coco.read_detections(sample()[1], truth))
