"""Options of ``nox -s parity``."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write docs/parity.md and tests/compat_values.json")
    parser.addoption("--darknet", help="a checkout of github.com/AlexeyAB/darknet")
    parser.addoption("--detectron2", help="a checkout of github.com/facebookresearch/detectron2")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "default")  # those of the peers are their own
