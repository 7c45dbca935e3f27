"""The commands, run in this process."""

import numpy as np
from click.testing import CliRunner

from boxloss.cli import app
from boxloss.cli.descend import random_starts


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def error(*args):
    """The one line of an error."""
    code, output = run(*args)
    assert code == 2, output
    assert len(output.splitlines()) == 1
    return output.removeprefix("boxloss: ").removesuffix("\n")


def starts(target, size, seed):
    return random_starts(np.asarray(target), 12, 3.0, seed, size)


def stop(*args, **options):
    raise KeyboardInterrupt
