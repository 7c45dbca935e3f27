"""The command `boxloss`, which is ``python -m boxloss`` too."""

import sys
from importlib.util import find_spec
from typing import NoReturn

EXTRA = ("click", "rich", "scipy")


def main() -> NoReturn:
    """Run the command line, or say which extra installs it."""
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        print(f'boxloss: the command line needs {", ".join(missing)}: pip install "boxloss[cli]"', file=sys.stderr)
        sys.exit(2)
    from boxloss.cli import app

    app.main(prog_name="boxloss")


if __name__ == "__main__":
    main()
