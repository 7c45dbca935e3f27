"""The lists of all losses, in the documentation and in the package: what docs/make_tables.py makes of the files."""

import sys
from pathlib import Path

import pytest

import boxloss as bl

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def make_tables():
    sys.path.insert(0, str(DOCS))
    try:
        import make_tables
    finally:
        sys.path.remove(str(DOCS))
    return make_tables


def test_lists_are_up_to_date(make_tables):
    old = [page.name for page, text in make_tables.pages().items() if page.read_text(encoding="utf-8") != text]
    assert not old, "run: python docs/make_tables.py"


def test_every_loss_is_exported_and_has_a_page(make_tables):
    losses = make_tables.instances()
    assert set(bl.losses()) < set(losses)
    for name, loss in losses.items():
        assert getattr(bl, name) is loss
        assert getattr(bl, type(loss).__name__) is type(loss)
        assert (DOCS / "losses" / f"{name}.md").exists()
