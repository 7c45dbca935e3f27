"""What is said of files whose boxes have an angle, where a record is wrong or two files do not go together."""

import json

import numpy as np
import pytest

import boxloss as bl
from boxloss import coco
from boxloss.coco import typed
from commands import run_apart
from errors import check_error
from rotated_files import assert_same, scene, write_json, write_lists


@pytest.fixture
def files(tmp_path):
    return write_json(tmp_path, *scene())


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
    assert run_apart("evaluate", *files)[2] == f"boxloss: {text}\n"
    assert_same(bl.evaluate(*files, format="xywh"), expected)
    assert run_apart("evaluate", *files, "--format", "xywh")[0] == 0


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
