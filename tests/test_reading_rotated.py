"""Files whose boxes have five numbers: as detectron2 writes them, or as `format` says."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import boxloss as bl
from boxloss import coco, lab
from boxloss.cli import app, console
from boxloss.coco import typed
from boxloss.coco.boxes import NUMBERS, ROTATED
from errors import check_error

NAMES = {"image": "image_id", "category": "category_id", "box": "bbox", "crowd": "iscrowd", "score": "score"}


def scene(format="cxcywhr", seed=0):
    """Annotations and detections near them, as columns."""
    rng = np.random.default_rng(seed)
    n = 60
    truth = np.concatenate([rng.uniform(0, 60, (n, 2)), rng.uniform(5, 25, (n, 2)), rng.uniform(-2, 2, (n, 1))], axis=1)
    found = truth + rng.normal(0, 1, (n, 5)) * [1, 1, 1, 1, 0.1]
    ids = {"image": rng.integers(1, 5, n), "category": rng.integers(1, 3, n)}
    box, other = (bl.convert(boxes, "cxcywha", format) for boxes in (truth, found))
    crowd = (rng.random(n) < 0.1).astype(int)
    return ids | {"box": box, "crowd": crowd}, ids | {"box": other, "score": rng.permutation(n) / n}


def rows(columns):
    return [
        dict(zip(map(NAMES.get, columns), values, strict=True))
        for values in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]


def write_json(folder, truth, found):
    files = folder / "truth.json", folder / "found.json"
    annotations = [{"id": number, **row} for number, row in enumerate(rows(truth), start=1)]
    for file, content in zip(files, ({"annotations": annotations}, rows(found)), strict=True):
        file.write_text(json.dumps(content))
    return files


def write_lists(folder, truth, found):
    files = folder / "truth.parquet", folder / "found.parquet"
    for file, columns in zip(files, (truth, found), strict=True):
        pq.write_table(pa.Table.from_pylist(rows(columns)), file)
    return files


def write_numbers(folder, truth, found, format):
    files = folder / "truth.csv", folder / "found.csv"
    for file, columns in zip(files, (truth, found), strict=True):
        table = [
            {name: value for name, value in row.items() if name != "bbox"}
            | dict(zip(NUMBERS[format], row["bbox"], strict=True))
            for row in rows(columns)
        ]
        pyarrow.csv.write_csv(pa.Table.from_pylist(table), file)
    return files


def assert_same(result, expected):
    np.testing.assert_array_equal(list(result.statistics.values()), list(expected.statistics.values()))
    np.testing.assert_array_equal(result.precision, expected.precision)


def run(*args):
    """Exit code, output and errors of a command."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def files(tmp_path):
    return write_json(tmp_path, *scene())


# --- The same numbers as of arrays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [*ROTATED, "xyxyxyxy"])
def test_files_have_the_numbers_of_arrays(format, tmp_path, monkeypatch):
    truth, found = scene(format)
    expected = bl.evaluate(truth, found, format=format)
    assert 0.2 < expected.ap < 0.9
    files = write_json(tmp_path, truth, found)
    assert_same(bl.evaluate(*files, format=format), expected)
    assert_same(bl.evaluate(*write_lists(tmp_path, truth, found), format=format), expected)
    assert_same(bl.evaluate(*write_numbers(tmp_path, truth, found, format), format=format), expected)
    assert_same(bl.evaluate(files[0], found, format=format), expected)
    assert_same(bl.evaluate(truth, files[1], format=format), expected)
    quick = typed.ground_truth(files[0], files[0].read_bytes(), format)
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    slow = coco.read_ground_truth(files[0], format)
    np.testing.assert_array_equal(quick.box, slow.box)
    assert (quick.format, slow.format) == (format, format)
    assert_same(bl.evaluate(*files, format=format), expected)


def test_five_numbers_are_those_of_detectron2(files, tmp_path, monkeypatch):
    truth, found = scene()
    expected = bl.evaluate(truth, found, format="cxcywhr")
    assert_same(bl.evaluate(*files), expected)
    assert_same(bl.evaluate(*write_lists(tmp_path, truth, found)), expected)
    known = coco.read_ground_truth(files[0])
    assert (known.format, coco.read_detections(files[1], known).format) == ("cxcywhr", "cxcywhr")
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    assert_same(bl.evaluate(*files), expected)


def test_columns_of_five_numbers_are_those_of_detectron2(tmp_path):
    truth, found = scene()
    files = write_numbers(tmp_path, truth, found, "cxcywhr")
    assert coco.read_ground_truth(files[0]).format == "cxcywhr"
    assert bl.evaluate(*files).ap == bl.evaluate(*files, format="cxcywhr").ap


@pytest.mark.parametrize("writer", [write_json, write_lists, write_numbers])
def test_eight_numbers_are_corners(writer, tmp_path, monkeypatch):
    """As DOTA has them; the other file may have five."""
    sides, other = scene("xyxyxyxy"), scene()
    files = writer(tmp_path, *sides, *(["xyxyxyxy"] if writer is write_numbers else []))
    expected = bl.evaluate(*sides, format="xyxyxyxy")
    assert_same(bl.evaluate(*files), expected)
    truth = coco.read_ground_truth(files[0])
    assert (truth.format, coco.read_detections(files[1], truth).format) == ("xyxyxyxy", "xyxyxyxy")
    assert run("evaluate", *files)[1].count("boxes are taken as") == 0  # there is no angle to be taken
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    five = write_json(mixed, *other)
    assert bl.evaluate(files[0], five[1]).ap == pytest.approx(expected.ap, rel=1e-9)
    assert f"in {five[1]}; --format" in run("evaluate", files[0], five[1])[1]
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    assert_same(bl.evaluate(*files), expected)


def test_a_column_of_angles_is_not_left_out_unsaid(tmp_path):
    files = write_numbers(tmp_path, *scene("xywhr"), "xywhr")
    text = (
        f"{files[0]}: column 'angle' is of rotated boxes, whose format has to be given: cxcywha, cxcywhd, cxcywhr, "
        "xywhr; or xywh to leave it out"
    )
    check_error(lambda: coco.read_ground_truth(files[0]), coco.CocoError, text)
    assert coco.read_ground_truth(files[0], "xywhr").box.shape[1] == 5
    assert coco.read_ground_truth(files[0], "xywh").box.shape[1] == 4


@pytest.mark.parametrize("format", ["nonsense", "rel_xyxyxyxy", 3])
def test_format_that_is_none_of_files(format, files):
    text = f"format must be one of {', '.join(map(repr, NUMBERS))}; got {format!r}"
    check_error(lambda: coco.read_ground_truth(files[0], format), ValueError, text)
    truth = coco.read_ground_truth(files[0])
    check_error(lambda: coco.read_detections(files[1], truth, format), ValueError, text)


def test_boxes_with_names(tmp_path):
    box = dict(zip(NUMBERS["cxcywhd"], [5.0, 5, 4, 2, 30], strict=True))
    file = tmp_path / "truth.parquet"
    pq.write_table(pa.Table.from_pylist([{"image_id": 1, "category_id": 1, "bbox": box}]), file)
    np.testing.assert_allclose(coco.read_ground_truth(file, "cxcywhd").box, [[5, 5, 4, 2, np.pi / 6]], rtol=1e-15)
    np.testing.assert_allclose(coco.read_ground_truth(file).box, [[5, 5, 4, 2, -np.pi / 6]], rtol=1e-15)


def test_area_is_that_of_the_file_or_of_the_box(tmp_path):
    record = {"image_id": 1, "category_id": 1, "bbox": [5, 5, 4, 2, 30]}
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"annotations": [record | {"id": 1, "area": 3}, record | {"id": 2}]}))
    assert typed.ground_truth(file, file.read_bytes()) is not None
    assert coco.read_ground_truth(file).area.tolist() == [3.0, 8.0]


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_no_detections(suffix, files, tmp_path):
    file = tmp_path / f"none.{suffix}"
    file.write_text("[]" if suffix == "json" else "image_id,category_id,x,y,w,h,score\n")
    assert bl.evaluate(files[0], file).ap == 0.0


# --- What is wrong --------------------------------------------------------------------------------------------------


def wrong(files, which, box, text, format=None):
    """With this box in record 3 reading fails with this text; by lenient reading the record alone is left out."""
    content = json.loads(files[which].read_text())
    (content["annotations"] if which == 0 else content)[3]["bbox"] = box
    files[which].write_text(json.dumps(content))

    def read(**options):
        truth = coco.read_ground_truth(files[0], format, **options)
        return truth, coco.read_detections(files[1], truth, format, **options)

    with pytest.raises(coco.CocoError) as caught:
        read()
    assert str(caught.value) == f"{files[which]}: {('annotation', 'record')[which]} 3: bbox {text}"
    found = read(lenient=True)[which]
    assert (found.left_out, found.box.shape) == (1, (59, 5))


def test_a_record_that_is_wrong(files):
    wanted = "is not five finite numbers [cx, cy, width, height, angle]"
    wrong(files, 0, [1, 2, 3, 4], f"[1, 2, 3, 4] {wanted}")
    wrong(files, 0, [1, 2, 3, 4, float("nan")], f"[1, 2, 3, 4, nan] {wanted}")
    wrong(files, 0, [1, 2, 3, 4, "5"], f"[1, 2, 3, 4, '5'] {wanted}")
    wrong(files, 0, [1, 2, -3, 4, 5], "[1, 2, -3, 4, 5] has a negative width or height")
    wrong(files, 0, [1, 2, 3, 4, 1e9], "[1, 2, 3, 4, 1000000000.0] has an angle beyond 23592960 degrees")


def test_a_detection_that_is_wrong(files):
    wrong(files, 1, [1, 2, 3], "[1, 2, 3] is not five finite numbers [x, y, width, height, angle]", "xywhr")
    wrong(files, 1, [1, 2, 3, 4, 1e7], "[1, 2, 3, 4, 10000000.0] has an angle beyond 1000000 radians", "cxcywha")


def test_corners_that_are_wrong(tmp_path):
    files = write_json(tmp_path, *scene("xyxyxyxy"))
    wanted = "is not eight finite numbers [x1, y1, x2, y2, x3, y3, x4, y4]"
    wrong(files, 0, [1, 2, 3, 4, 5], f"[1, 2, 3, 4, 5] {wanted}")
    wrong(files, 0, [0, 0, 2, 0, 2, 2, 1, 2], "[0, 0, 2, 0, 2, 2, ...] is no rectangle; cv2.minAreaRect fits one")
    files = write_json(tmp_path, *scene("xyxyxyxy"))
    wrong(files, 1, [0, 0, 2, 0, 2, 2, 1, 2], "[0, 0, 2, 0, 2, 2, ...] is no rectangle; cv2.minAreaRect fits one")
    truth, found = scene("xyxyxyxy")
    files = write_json(tmp_path, truth, found | {"box": np.abs(found["box"][:, :4])})
    with pytest.raises(coco.CocoError, match=rf"boxes have four numbers, and those of {files[0]} eight: boxes must be"):
        bl.evaluate(*files)


def test_angles_of_zero_are_read_as_fast_as_none(tmp_path):
    truth, found = ({**side, "box": np.abs(side["box"][:, :4])} for side in scene())
    (file, _) = write_json(tmp_path, truth, found)
    content = json.loads(file.read_text())
    for record in content["annotations"]:
        record |= {"angle": 0.0, "rotation": 0}
    for text in (json.dumps(content), json.dumps(content, indent=1)):
        assert typed.ground_truth(file, text.encode()) is not None
        assert typed.ground_truth(file, text.replace('"angle": 0.0', '"angle": 0.5').encode()) is None
        assert typed.ground_truth(file, text.replace('"angle"', '"\\u0061ngle"').encode()) is None


@pytest.mark.parametrize("typed_too", [True, False])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"angle": 30.5}, "angle 30.5"),
        ({"rotation": -1}, "rotation -1"),
        ({"attributes": {"rotation": 12.0}}, "rotation 12.0"),
    ],
)
def test_an_angle_beside_a_box_is_not_left_out_unsaid(which, more, told, typed_too, tmp_path, monkeypatch):
    if not typed_too:
        monkeypatch.setattr(typed, "find_spec", lambda name: None)
    truth, found = ({**side, "box": np.abs(side["box"][:, :4])} for side in scene())
    files = write_json(tmp_path, truth, found)
    expected = bl.evaluate(*files)

    def with_angles(more, of=7):
        content = json.loads(files[which].read_text())
        records = content["annotations"] if which == 0 else content
        records[of] |= more
        files[which].write_text(json.dumps(content))

    with_angles({"angle": 0.0, "rotation": 0, "attributes": {"angle": 0, "rotation": "none"}}, of=8)
    assert_same(bl.evaluate(*files), expected)
    with_angles(more)
    text = (
        f"{files[which]}: {('annotation', 'record')[which]} 7: {told} beside the four numbers of bbox is of a rotated "
        "box, which has five there, [cx, cy, width, height, angle] in a format of cxcywha, cxcywhd, cxcywhr, xywhr; "
        "format xywh leaves such angles out"
    )
    check_error(lambda: bl.evaluate(*files), coco.CocoError, text)
    assert run("evaluate", *files)[2] == f"boxloss: {text}\n"
    assert_same(bl.evaluate(*files, format="xywh"), expected)
    assert run("evaluate", *files, "--format", "xywh")[0] == 0


def test_four_numbers_where_five_are_wanted(files, tmp_path):
    truth, found = scene()
    upright = write_json(tmp_path, truth | {"box": truth["box"][:, :4]}, found | {"box": found["box"][:, :4]})
    with pytest.raises(coco.CocoError, match="60 of 60 annotations are wrong"):
        bl.evaluate(*upright, format="cxcywhr")
    files = write_json(tmp_path, *scene())
    with pytest.raises(coco.CocoError, match=r"annotation 0: .* is not four finite numbers \[x, y, width, height\]"):
        bl.evaluate(*files, format="xywh")


@pytest.mark.parametrize("write", [write_json, write_lists])
def test_both_files_or_neither(write, tmp_path):
    truth, found = scene()
    files = write(tmp_path, truth, found | {"box": np.abs(found["box"][:, :4])})
    numbers = f"boxes have four numbers, and those of {files[0]} five"
    text = f"{files[1]}: {numbers}: boxes must be rotated in both or in neither"
    for lenient in (False, True):
        with pytest.raises(coco.CocoError) as caught:
            coco.read_detections(files[1], coco.read_ground_truth(files[0]), lenient=lenient)
        assert str(caught.value) == text
    other = coco.read_ground_truth(write(tmp_path, truth | {"box": np.abs(truth["box"][:, :4])}, found)[0])
    with pytest.raises(ValueError, match=r"boxes must be rotated in both or in neither of .*truth.* and .*found"):
        coco.match(other, coco.read_detections(files[1], coco.read_ground_truth(write(tmp_path, truth, found)[0])))


# --- Matching, and the commands -------------------------------------------------------------------------------------


def test_matches_are_those_of_the_evaluation(files):
    truth = coco.read_ground_truth(files[0])
    detections = coco.read_detections(files[1], truth)
    matches = coco.match(truth, detections, 0.5)
    assert matches.format == "cxcywha"
    np.testing.assert_allclose(matches.iou, bl.iou_score(matches.pred, matches.target, format="cxcywha"), rtol=1e-12)
    result = bl.evaluate(truth, detections, iou_thresholds=[0.5])
    annotations = np.bincount(truth.category_id[~truth.crowd])[1:]
    recalled = np.bincount(matches.category_id, minlength=3)[1:] / annotations
    assert result.ar_100 == pytest.approx(recalled.mean())
    assert len(matches.ignored) > 0
    pairs = lab.coco_pairs(*files)
    assert (pairs.format, pairs.pred.shape[1]) == ("cxcywha", 5)


def test_evaluate_says_how_it_took_the_numbers(files):
    code, output, errors = run("evaluate", *files)
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
    assert run("evaluate", *files, "--format", "cxcywhr")[1] == output.replace(line + "\n", "")
    assert f"{bl.evaluate(*files).ap:.4f}" in output.splitlines()[4]


def test_score(files, tmp_path):
    out = tmp_path / "out.csv"
    code, output, errors = run("score", *files, "--out", out)
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
    assert run("score", *files)[0] == 0
    assert begun[0] == ("reading", len(bl.losses()) + 5)
    assert [total for _, total in begun[2:]] == [len(bl.losses()) - 3 + 5] * (len(begun) - 2)  # but piou, piou2 and gcd
    assert len(begun) == begun[-1][1]


@pytest.mark.parametrize("command", ["score", "correlate", "report"])
def test_losses_that_are_not_defined(command, files, tmp_path):
    code, output, errors = run(command, *files, "--loss", "giou,piou,gcd", "--out", tmp_path / "out.csv")
    text = (
        "piou: PIoU is not defined for rotated boxes: it compares edges of axis-aligned boxes in a plane; "
        "gcd: GCD is not defined for rotated boxes: it is a loss of axis-aligned boxes"
    )
    assert (code, output) == (2, "")
    told = f"{text}. Defined for them are siou, shape_iou, iou, log_iou and others. "
    assert errors.startswith(f"boxloss: Invalid value for '--loss': {told}")


def test_correlate(files, tmp_path):
    out = tmp_path / "out.csv"
    code, output, _ = run("correlate", *files, "--loss", "giou", "--out", out)
    assert code == 0
    assert output.splitlines()[1].startswith("boxes are taken as ")
    assert out.read_text().startswith("pred_cx,pred_cy,pred_w,pred_h,pred_angle,target_cx,")


def test_hint_of_another_format(tmp_path):
    truth, found = scene()
    for columns in (truth, found):
        columns["box"][:, 2:4] = [30, 10]
    found["box"][:, 4] *= -1
    files = write_json(tmp_path, truth, found)
    errors = run("evaluate", *files)[2]
    assert errors.startswith("boxloss: warning: ")
    assert errors.endswith(f"if the boxes of {files[1]} were [cx, cy, w, h, angle in degrees, clockwise on an image]\n")


def test_formats_of_tables_are_not_for_json(files):
    code, _, errors = run("evaluate", *files, "--format", "xyxy")
    assert code == 2
    text = "--format xyxy is for Parquet and CSV files: boxes in COCO's are xywh, or rotated."
    assert errors.startswith(f"boxloss: {text}")


@pytest.mark.dask
def test_pairs(tmp_path):
    truth, found = scene("cxcywhd")
    file = tmp_path / "pairs.parquet"
    lists = {"pred": found["box"].tolist(), "target": truth["box"].tolist()}
    pq.write_table(pa.table(lists), file)
    code, output, _ = run("score", file, "--format", "cxcywhd", "--loss", "giou")
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
        code, output, _ = run("score", file, "--format", "xyxyxyxy", "--loss", "giou", "--out", out)
        assert code == 0
        assert float(output.splitlines()[-1].split()[2]) == pytest.approx(mean, rel=1e-3)
        assert out.read_text().startswith("pred_cx,pred_cy,pred_w,pred_h,pred_angle,target_cx,")
    columns["pred_x1"][2] += 3.0
    pq.write_table(pa.table(columns), file)
    assert f"{file}: row 2: pred is no rectangle" in run("score", file, "--format", "xyxyxyxy")[2]
    lists["pred"][1] = [0.0, 0, 1, 1]
    pq.write_table(pa.table(lists), file)
    assert f"{file}: row 1: pred is not five finite numbers" in run("score", file, "--format", "cxcywhd")[2]
    lists["pred"][1] = [0.0, 0, 1, 1, 1e9]
    pq.write_table(pa.table(lists), file)
    assert f"{file}: row 1: pred has an angle beyond 23592960 degrees" in run("score", file, "--format", "cxcywhd")[2]
