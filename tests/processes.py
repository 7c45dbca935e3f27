"""Python processes of their own, for what only a fresh interpreter can show."""

import os
import subprocess
import sys

# What a process does in a test of the cache: one kernel, quick to compile. It prints how many functions it compiled.
USE = """
import numpy as np
from numba.core import event
import boxloss as bl

boxes = np.arange(8.0).reshape(2, 4)
with event.install_recorder("numba:compile") as compilations:
    value = bl.l1(boxes, boxes + 1.0, engine="numba")
assert value.tolist() == [4.0, 4.0], value
print(len(compilations.buffer))
"""


def start(code, **environment):
    """A process that runs the code. A variable that is None is not set."""
    variables = {name: str(value) for name, value in (os.environ | environment).items() if value is not None}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], env=variables, stdout=pipe, stderr=pipe, text=True)


def finish(process):
    """What a process printed; it has to end well, and without a word on stderr."""
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, f"exit {process.returncode}\n{out}{err}"
    assert err == ""
    return out.strip()


def run(code, **environment):
    """What the code prints in a process of its own."""
    return finish(start(code, **environment))
