"""Python processes of their own, for what only a fresh interpreter can show."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

MANY = 200_000  # boxes: several chunks, so that threads share the work
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


def variables(changed):
    """The environment of a process. A variable that is None is not set."""
    return {name: str(value) for name, value in (os.environ | changed).items() if value is not None}


def start(code, **environment):
    """A process that runs the code."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code], env=variables(environment), stdout=pipe, stderr=pipe, text=True
    )


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


# All that Numba imports and makes at the first use of its compiler.
USED_NUMBA = """
import numba, numpy
numba.njit(lambda x: x[0] + 1.0)(numpy.zeros(1))
"""
FORKING = """
import json, os, sys, tempfile, traceback
for line in sys.stdin:
    code, environment = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os.environ.clear()
                os.environ.update(environment)
                sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
                exec(code, {"__name__": "__main__"})
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
    print(json.dumps([status, *texts]), flush=True)
"""


@contextmanager
def forking(first=USED_NUMBA):
    """What `run` does, by forks of one process that has run some code: to import Numba is most of what one takes.

    Each imports boxloss itself. Settings that Numba reads when it is imported are those of the one process.
    """
    if not hasattr(os, "fork"):
        yield lambda code, **environment: run(f"{first}\n{code}", **environment)
        return
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", first + FORKING], stdin=pipe, stdout=pipe, text=True) as process:

        def run_forked(code, **environment):
            print(json.dumps([code, variables(environment)]), file=process.stdin)
            process.stdin.flush()
            status, out, err = json.loads(process.stdout.readline())
            assert status == 0, f"exit {status}\n{out}{err}"
            assert err == ""
            return out.strip()

        yield run_forked
