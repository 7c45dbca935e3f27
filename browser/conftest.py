"""The pages of `boxloss report` and `boxloss explore` in a headless Chromium; `nox -s browser` runs this."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from boxloss import lab

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


@pytest.fixture(scope="session")
def explorer_address(tmp_path_factory):
    """Where the page of `boxloss explore` is."""
    path = tmp_path_factory.mktemp("explorer") / "explore.html"
    path.write_text(lab.explore(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser, explorer_address):
    """Opens the explorer; what the page reports as an error fails the test."""
    contexts, errors = [], []

    def open_page(width="desktop", **options):
        viewport = {"width": WIDTHS[width], "height": 844}
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.goto(explorer_address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="session", params=WIDTHS)
def page(request, browser, address):
    """The page, as wide as a phone and as wide as a desktop."""
    opened = browser.new_page(viewport={"width": WIDTHS[request.param], "height": 844})
    opened.goto(address)
    return opened
