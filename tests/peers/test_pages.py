"""The pages run with the peers, and print what they say."""

import pytest

from documents import ROOT, run


@pytest.mark.parametrize("page", ["ultralytics", "transformers", "torchvision", "trackers"])
def test_page(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    run(ROOT / "docs" / "frameworks" / f"{page}.md", lambda: capsys.readouterr().out, peers=True)
