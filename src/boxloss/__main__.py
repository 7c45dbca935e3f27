"""The command `boxloss`, which is ``python -m boxloss`` too."""

import gc
import signal
import sys
from importlib.util import find_spec
from typing import NoReturn

from _boxloss_command import end_on_interruption

EXTRA = ("click", "rich", "scipy")
# So many objects are made before the first garbage collection: more than imports leave, which are no garbage. Together
# with none at the end, of what ends with the process, this saves a tenth of the CPU time of `boxloss evaluate`.
BEFORE_COLLECTION = 200_000


def main() -> NoReturn:
    """Run the command line, or say which extra installs it."""
    end_on_interruption()
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        print(f'boxloss: the command line needs {", ".join(missing)}: pip install "boxloss[cli]"', file=sys.stderr)
        sys.exit(2)
    gc.set_threshold(BEFORE_COLLECTION, *gc.get_threshold()[1:])
    from boxloss.cli import app
    from boxloss.cli.interruption import SIGNALS, end_at_once

    try:
        app.main(prog_name="boxloss")
    except SystemExit as end:
        if isinstance(end.code, int) and end.code - 128 in SIGNALS:
            end_at_once(end.code)
        raise
    except KeyboardInterrupt:  # a second one, while the first ended the command
        end_at_once(128 + signal.SIGINT)
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
