"""Ctrl-C and signals, in processes of their own."""

import signal
import subprocess
import sys

import pytest

HEAD = """
import signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of a shell's background ignores it
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and nohup this
"""
COMMAND = """
import boxloss.__main__
from boxloss.cli import app
app.command("work")(work)
sys.argv = ["boxloss", "work"]
boxloss.__main__.main()
"""
IMPORTED = """
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "{module}":
            signal.raise_signal(signal.{name})
sys.meta_path.insert(0, Finder)
sys.argv = ["boxloss", "losses"]
import _boxloss_command
_boxloss_command.main()
"""
HANGS = 120  # seconds
SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def process(*lines):
    """Exit code and output."""
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS)
    return done.returncode, done.stdout, done.stderr


def ended(name):
    """What the shell sees, and the line that Ctrl-C leaves."""
    return 128 + getattr(signal, name), "", "\n" if name == "SIGINT" else ""


@pytest.mark.skipif(sys.platform == "win32", reason="where a signal ends a process by itself")
@pytest.mark.parametrize("module", ["boxloss", "numpy", "click", "boxloss.cli.interruption"])
@pytest.mark.parametrize("name", SIGNALS)
def test_while_modules_are_imported(name, module):
    """Most of the first second."""
    assert process(HEAD, IMPORTED.format(module=module, name=name)) == (-getattr(signal, name), "", "")


@pytest.mark.parametrize("name", SIGNALS)
def test_while_the_module_of_a_command_is_imported(name):
    assert process(HEAD, IMPORTED.format(module="boxloss.cli.losses", name=name)) == ended(name)


@pytest.mark.parametrize("name", SIGNALS)
def test_while_a_thread_works(name):
    """As one that compiles does, which cannot be stopped."""
    work = f"""
def work():
    threading.Thread(target=time.sleep, args=({10 * HANGS},)).start()
    signal.raise_signal(signal.{name})
"""
    assert process(HEAD, work, COMMAND) == ended(name)


@pytest.mark.parametrize("name", SIGNALS)
def test_an_interruption_that_a_library_turns_into_another_error(name):
    work = f"""
def work():
    try:
        signal.raise_signal(signal.{name})
    except BaseException:
        raise ImportError("initialization failed")
"""
    code, out, err = process(HEAD, work, COMMAND)
    assert (code, out, err.strip()) == (128 + getattr(signal, name), "", "")


@pytest.mark.parametrize("name", SIGNALS)
def test_an_interruption_that_is_lost_as_another_error(name):
    """Of a method that Python calls while it removes an object; the signal comes again."""
    work = f"""
class Handle:
    def __del__(self):
        try:
            signal.raise_signal(signal.{name})
        except BaseException:
            raise RuntimeError("cannot close")
def work():
    Handle()
    for _ in range({10 * HANGS}):
        time.sleep(0.1)
"""
    assert process(HEAD, work, COMMAND) == ended(name)


def test_a_second_one_while_the_first_cleans_up():
    work = """
def work():
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
"""
    code, out, err = process(HEAD, work, COMMAND)
    assert (code, out, err.strip()) == (130, "", "")


def test_an_error_that_is_none_of_an_interruption_keeps_its_traceback():
    code, _, err = process(HEAD, "def work():\n    raise ImportError('a mistake')", COMMAND)
    assert code == 1
    assert err.endswith("ImportError: a mistake\n")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_that_are_ignored_stay_so(name):
    """As of a job in the background, or under nohup."""
    work = f"""
signal.signal(signal.{name}, signal.SIG_IGN)
def work():
    signal.raise_signal(signal.{name})
    print("done")
"""
    assert process(HEAD, work, COMMAND) == (0, "done\n", "")
