"""The command line as a process: what it compiles, where it writes, and how it ends."""

import os
import subprocess
import sys

import pytest

from commands import QUICK, process


def test_module_runs():
    command = [sys.executable, "-m", "boxloss", "score", "--sample", "--losses", "giou", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "giou" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("few", "compiled"), [(100, False), (10, True)])
def test_few_pairs_compile_nothing(few, compiled):
    code = (
        f"import sys; from boxloss.cli import app, score; sys.modules['boxloss.cli.score'].FEW = {few}\n"
        "try: app.main(['score', '--sample', '--loss', 'l1'])\n"
        f"finally: assert ('numba' in sys.modules) == {compiled}"
    )
    assert process(code=code).stderr == ""


def test_errors_go_to_stderr():
    done = process("score", "none.json", "none.json")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "boxloss: none.json: No such file or directory\n")


@pytest.mark.parametrize("missing", ["click", "rich", "scipy"])
def test_missing_extra(missing):
    done = process(code=f"import sys; sys.modules[{missing!r}] = None; import boxloss.__main__ as m; m.main()")
    expected = f'boxloss: the command line needs {missing}: pip install "boxloss[cli]"\n'
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize(("name", "code", "told"), [("SIGINT", 130, "\n"), ("SIGTERM", 143, "")])
def test_interruption_while_llvm_calls_back(name, code, told):
    """Where Python prints an exception and goes on."""
    command = (
        "import ctypes, signal, time; from boxloss.cli import app\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job of a shell's background ignores it
        f"compiles = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.{name}))\n"
        "def work():\n    compiles()\n    for _ in range(600): time.sleep(0.05)\n"
        "app.command('work')(work)\n"
        "app.main(['work'])"
    )
    done = process(code=command)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", told)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "boxloss", "losses"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "boxloss: [Errno 28] No space left on device\n")
