"""The report of `boxloss report` in a headless Chromium; `nox -s browser` runs this."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

WIDTHS = {"phone": 390, "desktop": 1280}


def pytest_addoption(parser):
    parser.addoption("--chromium", required=True, help="the program")
    parser.addoption("--report", required=True, help="the page to open")


@pytest.fixture(scope="session")
def address(request):
    """Where the page is."""
    return Path(request.config.getoption("report")).resolve().as_uri()


@pytest.fixture(scope="session")
def browser(request):
    """A browser."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=request.config.getoption("chromium"))
        yield opened
        opened.close()


@pytest.fixture(scope="session", params=WIDTHS)
def page(request, browser, address):
    """The page, as wide as a phone and as wide as a desktop."""
    opened = browser.new_page(viewport={"width": WIDTHS[request.param], "height": 844})
    opened.goto(address)
    return opened
