"""Commands on files of rotated boxes: what they say, write and refuse."""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import boxloss as bl
from boxloss.cli import console
from boxloss.coco.boxes import NUMBERS
from commands import run_apart
from rotated_files import scene, write_json


@pytest.fixture
def files(tmp_path):
    return write_json(tmp_path, *scene())


def test_evaluate_says_how_it_took_the_numbers(files):
    code, output, errors = run_apart("evaluate", *files)
    assert (code, errors) == (0, "")
    angles = [
        f"from {np.min(side['box'][:, 4]):.1f} to {np.max(side['box'][:, 4]):.1f} in {file}"
        for side, file in zip(scene(), files, strict=True)
    ]
    line = (
        "boxes are taken as [cx, cy, w, h, angle in degrees, counter-clockwise] as detectron2 writes them, "
        f"with angles {' and '.join(angles)}; --format says otherwise"
    )
    assert output.splitlines()[1] == line
    assert run_apart("evaluate", *files, "--format", "cxcywhr")[1] == output.replace(line + "\n", "")
    assert f"{bl.evaluate(*files).ap:.4f}" in output.splitlines()[4]


def test_score(files, tmp_path):
    out = tmp_path / "out.csv"
    code, output, errors = run_apart("score", *files, "--out", out)
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[1].startswith("boxes are taken as [cx, cy, w, h, angle in degrees, counter-clockwise]")
    assert lines[2] == "not defined for rotated boxes: piou, piou2, gcd"
    with out.open() as file:
        table = list(csv.DictReader(file))
    pred, target = (
        np.array([[float(row[f"{side}_{name}"]) for name in NUMBERS["cxcywha"]] for row in table])
        for side in ("pred", "target")
    )
    np.testing.assert_allclose(
        [float(row["giou"]) for row in table], bl.giou(pred, target, format="cxcywha"), rtol=1e-12
    )


def test_progress_of_score_counts_the_losses_that_are_computed(files, monkeypatch):
    begun = []

    class Steps(console.Steps):
        def __call__(self, step):
            begun.append((step, self.total))

    monkeypatch.setattr(console, "Steps", Steps)
    assert run_apart("score", *files)[0] == 0
    assert begun[0] == ("reading", len(bl.losses()) + 5)
    assert [total for _, total in begun[2:]] == [len(bl.losses()) - 3 + 5] * (len(begun) - 2)  # but piou, piou2 and gcd
    assert len(begun) == begun[-1][1]


@pytest.mark.parametrize("command", ["score", "correlate", "report"])
def test_losses_that_are_not_defined(command, files, tmp_path):
    code, output, errors = run_apart(command, *files, "--loss", "giou,piou,gcd", "--out", tmp_path / "out.csv")
    text = (
        "piou: PIoU is not defined for rotated boxes: it compares edges of axis-aligned boxes in a plane; "
        "gcd: GCD is not defined for rotated boxes: it is a loss of axis-aligned boxes"
    )
    assert (code, output) == (2, "")
    told = f"{text}. Defined for them are siou, shape_iou, iou, log_iou and others. "
    assert errors.startswith(f"boxloss: Invalid value for '--loss': {told}")


def test_correlate(files, tmp_path):
    out = tmp_path / "out.csv"
    code, output, _ = run_apart("correlate", *files, "--loss", "giou", "--out", out)
    assert code == 0
    assert output.splitlines()[1].startswith("boxes are taken as ")
    assert out.read_text().startswith("pred_cx,pred_cy,pred_w,pred_h,pred_angle,target_cx,")


def test_hint_of_another_format(tmp_path):
    truth, found = scene()
    for columns in (truth, found):
        columns["box"][:, 2:4] = [30, 10]
    found["box"][:, 4] *= -1
    files = write_json(tmp_path, truth, found)
    errors = run_apart("evaluate", *files)[2]
    assert errors.startswith("boxloss: warning: ")
    assert errors.endswith(f"if the boxes of {files[1]} were [cx, cy, w, h, angle in degrees, clockwise on an image]\n")


def test_formats_of_tables_are_not_for_json(files):
    code, _, errors = run_apart("evaluate", *files, "--format", "xyxy")
    assert code == 2
    text = "--format xyxy is for Parquet and CSV files: boxes in COCO's are xywh, or rotated."
    assert errors.startswith(f"boxloss: {text}")


@pytest.mark.dask
def test_pairs(tmp_path):
    truth, found = scene("cxcywhd")
    file = tmp_path / "pairs.parquet"
    lists = {"pred": found["box"].tolist(), "target": truth["box"].tolist()}
    pq.write_table(pa.table(lists), file)
    code, output, _ = run_apart("score", file, "--format", "cxcywhd", "--loss", "giou")
    assert code == 0
    mean = float(np.mean(bl.giou(found["box"], truth["box"], format="cxcywhd")))
    assert float(output.splitlines()[-1].split()[2]) == pytest.approx(mean, rel=1e-3)
    corners = {side: bl.convert(np.asarray(boxes), "cxcywhd", "xyxyxyxy") for side, boxes in lists.items()}
    columns = {
        f"{side}_{name}": boxes[:, place]
        for side, boxes in corners.items()
        for place, name in enumerate(NUMBERS["xyxyxyxy"])
    }
    out = tmp_path / "out.csv"
    for table in ({side: boxes.tolist() for side, boxes in corners.items()}, columns):
        pq.write_table(pa.table(table), file)
        code, output, _ = run_apart("score", file, "--format", "xyxyxyxy", "--loss", "giou", "--out", out)
        assert code == 0
        assert float(output.splitlines()[-1].split()[2]) == pytest.approx(mean, rel=1e-3)
        assert out.read_text().startswith("pred_cx,pred_cy,pred_w,pred_h,pred_angle,target_cx,")
    columns["pred_x1"][2] += 3.0
    pq.write_table(pa.table(columns), file)
    assert f"{file}: row 2: pred is no rectangle" in run_apart("score", file, "--format", "xyxyxyxy")[2]
    lists["pred"][1] = [0.0, 0, 1, 1]
    pq.write_table(pa.table(lists), file)
    assert f"{file}: row 1: pred is not five finite numbers" in run_apart("score", file, "--format", "cxcywhd")[2]
    lists["pred"][1] = [0.0, 0, 1, 1, 1e9]
    pq.write_table(pa.table(lists), file)
    assert (
        f"{file}: row 1: pred has an angle beyond 23592960 degrees"
        in run_apart("score", file, "--format", "cxcywhd")[2]
    )
