"""The command `boxloss`, outside the package: importing the package takes most of the command's first second."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Import and run the command line."""
    end_on_interruption()
    # No command has a use for the threads that NumPy's OpenBLAS starts when it is imported, and which spin while they
    # wait: a tenth of the CPU time of `boxloss evaluate`.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from boxloss.__main__ import main

    main()


def end_on_interruption() -> None:
    """Let Ctrl-C end the process without a traceback, as there is nothing to clean up while modules are imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
