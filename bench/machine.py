"""What a published table says of the machine and its packages."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def system() -> str:
    """The operating system and the kind of processor."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.machine()}"


def versions(names: Iterable[str]) -> dict[str, str]:
    """The versions of the packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
