"""CSV files from anywhere: separators, encodings, packed files, and errors that name the row."""

import bz2
import gzip
import json
import lzma

import pytest
from click.testing import CliRunner

from boxloss import coco
from boxloss.cli import app
from boxloss.data import sample

HEADER = "image_id,category_id,x,y,w,h,score"


def run(*args):
    """Exit code and output of `boxloss score`, errors among it."""
    result = CliRunner().invoke(app, ["score", "--loss", "giou", *map(str, args)], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def text():
    """The detections of the sample."""
    rows = json.loads(sample()[1].read_bytes())
    lines = (map(str, [row["image_id"], row["category_id"], *row["bbox"], row["score"]]) for row in rows)
    return "\n".join([HEADER, *map(",".join, lines)]) + "\n"


@pytest.fixture
def write(tmp_path):
    """A function that writes a file, and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("DET.CSV", lambda text: text),
        ("d.csv", lambda text: text.replace(",", ";")),
        ("d.csv", lambda text: text.replace(",", "\t")),
        ("d.tsv", lambda text: text.replace(",", "\t")),
        ("d.csv", lambda text: text.encode("utf-8-sig")),
        ("d.csv", lambda text: text.replace(",", ";").encode("utf-16")),
        ("d.csv", lambda text: HEADER + text.removeprefix(HEADER).replace(",", ", ")),
        ("d.csv", lambda text: text.rstrip("\n").replace("\n", "\r\n\r\n")),
        ("d.csv", lambda text: text.replace("\n", ",caf\xe9\n").encode("latin-1")),  # in a column that is not read
        ("d.csv", lambda text: text.replace("\n", ',"a\nb"\n')),
        ("d.csv.gz", lambda text: gzip.compress(text.encode())),
        ("d.tsv.BZ2", lambda text: bz2.compress(text.replace(",", "\t").encode())),
        ("d.csv.xz", lambda text: lzma.compress(text.encode())),
    ],
    ids=range(13),
)
def test_every_kind(name, change, text, write):
    assert run(sample()[0], write(name, change(text))) == run(*sample())


def test_packed_json(write):
    files = [write(f"{place}.json.gz", gzip.compress(file.read_bytes())) for place, file in enumerate(sample())]
    assert run(*files) == run(*sample())


def test_first_line_without_an_end_has_no_detections(write):
    assert run(sample()[0], write("d.csv", HEADER))[1].startswith("0 pairs of 0 detections")


# --- Errors ---------------------------------------------------------------------------------------------------------

INTEGERS = "is not an integer"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", "n/a?", "score 'n/a?' is not a finite number"),
        ("score", "True", "score 'True' is not a finite number"),
        ("score", '"0,9"', "score '0,9' is not a finite number"),
        ("score", "", "score None is not a finite number"),
        ("score", "nan", "score nan is not a finite number"),
        ("score", "1_0", "score '1_0' is not a finite number"),
        ("x", "left", "bbox ['left', 0, 4, 3] is not four finite numbers [x, y, w, h]"),
        ("w", "-1", "bbox [0, 0, -1, 3] has a negative width or height"),
        ("image_id", "1.5", f"image_id '1.5' {INTEGERS}"),
        ("image_id", "1e5", f"image_id '1e5' {INTEGERS}"),
        ("image_id", "", f"image_id None {INTEGERS}"),
        ("category_id", str(2**63), f"category_id {2**63} {INTEGERS} from -2^63 to 2^63 - 1"),
        (None, "1,5,0", "3 cells, where the first line has 7"),
        (None, "1,5,0,0,4,3,0.5,0.5", "8 cells, where the first line has 7"),
    ],
)
def test_errors_name_the_row(column, value, message, write):
    row = dict(zip(HEADER.split(","), ["1", "5", "0", "0", "4", "3", "1"], strict=True))
    line = value if column is None else ",".join((row | {column: value}).values())
    lines = [HEADER, *[",".join(row.values())] * 777, line, "", *[",".join(row.values())] * 222]
    truth, path = write("truth.csv", "image_id,category_id,x,y,w,h\n1,5,0,0,4,4\n"), write("d.csv", "\n".join(lines))
    assert run(truth, path) == (2, f"boxloss: {path}: row 777: {message}\n")
    code, output = run(truth, path, "--lenient")
    assert code == 0
    assert output.splitlines()[0].endswith("; 1 record left out")
    assert "of 999 detections" in output


def test_positions_after_a_row_that_is_left_out(write):
    path = write("d.csv", f"{HEADER}\n1,5,9,9,4,4,1\n1,5\n1,5,0,0,4,4,1\n")
    truth = coco.read_ground_truth(write("truth.csv", "image_id,category_id,x,y,w,h\n1,5\n1,5,0,0,4,4\n"), lenient=True)
    found = coco.match(truth, coco.read_detections(path, truth, lenient=True))
    assert (found.detection.tolist(), found.annotation_id.tolist()) == ([2], [1])


@pytest.mark.parametrize(
    "ids", [("0017", "17"), ("2024-01-01", "17"), ("12:30", "1"), ("true", "1"), ("1e5", "100000")]
)
def test_ids_are_texts_unless_all_are_plain_integers(ids, write):
    first, second = ids
    truth = write("truth.csv", f"image_id,category_id,x,y,w,h\n{first},5,0,0,4,4\n{second},5,0,0,4,4\n")
    read = coco.read_ground_truth(truth)
    assert read.image_id.tolist() == [first, second]
    found = write("d.csv", f"{HEADER}\n{second},5,0,0,4,4,1\n")  # all plain integers in the last cases
    assert coco.match(read, coco.read_detections(found, read)).image_id.tolist() == [second]


BOX = "a box is a list column 'bbox' or the columns x, y, w, h"
NO_COLUMNS = (
    "none of the columns id, image_id, category_id, iscrowd, score, bbox, x, y, w, h, cx, cy, angle, "
    "x1, y1, x2, y2, x3, y3, x4, y4 is in the first line, "
    "'image_id|score'"
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", f"{HEADER},score\n1,5,0,0,4,3,1,1\n", "there are several columns 'score'"),
        (
            "d.csv",
            f"{HEADER}\n1,caf\xe9,0,0,4,3,1\n".encode("latin-1"),
            "line 2 is not UTF-8: invalid continuation byte",
        ),
        ("d.csv", b"\xff\xfeab\x00", "line 1 is not UTF-16: truncated data"),
        ("d.csv", "\n\n", "the file is empty"),
        ("d.csv", "image_id|score\n1|2\n", NO_COLUMNS),
        ("d.csv", HEADER.replace(",w", "") + "\n1,5,0,0,3,1\n", f"no column 'w': {BOX}"),
        ("d.csv.gz", "no gzip", "Not a gzipped file (b'no')"),
        ("d.csv", b"\xef\xbb\xbf", "the file is empty"),
        ("d.csv", b"\xef\xbb\xbf\r\n\n", "the file is empty"),
        ("d.csv", b"\xff\xfe", "the file is empty"),
        (
            "d.csv",
            "a" * 200_000 + "\n1\n",
            "the first line has no names of columns: field larger than field limit (131072)",
        ),
        (
            "d.csv.bz2",
            bz2.compress(HEADER.encode() * 999)[:40],
            "Compressed data ended before the end-of-stream marker was reached",
        ),
        (
            "d.csv",
            HEADER.replace("category_id", "Category_ID") + "\n1,5,0,0,4,3,1\n",
            "no column 'category_id'. Did you mean 'Category_ID'?",
        ),
        (
            "d.csv",
            HEADER.replace("x,y,w,h", "x1,y1,x2,y2") + "\n1,5,0,0,4,3,1\n",
            f"no column 'x': {BOX}. The columns are those of the format 'xyxy': give it",
        ),
        (
            "d.csv",
            HEADER.replace("x,y,w,h", "cx,cy,w,h") + "\n1,5,0,0,4,3,1\n",
            f"no column 'x': {BOX}. The columns are those of the format 'cxcywh': give it",
        ),
        ("d.csv", HEADER.replace("score", "SCORE") + "\n1,5,0,0,4,3,1\n", "no column 'score'. Did you mean 'SCORE'?"),
        (
            "d.csv",
            f"{HEADER}\n1,5,0x10,0,4,3,1\n",
            "row 0: bbox ['0x10', 0, 4, 3] is not four finite numbers [x, y, w, h]",
        ),
        (
            "d.csv",
            f"{HEADER}\n1,5,\u0661,0,4,3,1\n",
            "row 0: bbox ['\u0661', 0, 4, 3] is not four finite numbers [x, y, w, h]",
        ),
    ],
)
def test_files_that_are_wrong(name, content, message, write):
    path = write(name, content)
    assert run(sample()[0], path) == (2, f"boxloss: {path}: {message}\n")


def test_blanks_around_names_and_numbers(write):
    spaced = HEADER.replace(",", " , ")
    path, plain = (
        write(f"{k}.csv", f"{head}\n{row}\n")
        for k, (head, row) in enumerate(((spaced, "1, 5, 0, 0, 4, 3, 1"), (HEADER, "1,5,0,0,4,3,1")))
    )
    assert run(sample()[0], path) == run(sample()[0], plain)


def test_the_name_as_it_is_goes_before_one_with_blanks(write):
    plain = write("plain.csv", f"{HEADER}\n1,5,0,0,4,3,1\n")
    twice = write("twice.csv", f"{HEADER}, score\n1,5,0,0,4,3,1,nothing\n")
    assert run(sample()[0], twice) == run(sample()[0], plain)


def test_a_row_that_is_short_and_no_text(write, capfd):
    path = write("d.csv", f"{HEADER}\n1,5,0,0,4,3,1\n1,caf\xe9\n".encode("latin-1"))
    message = "row 1: 2 cells, where the first line has 7"
    assert run(sample()[0], path) == (2, f"boxloss: {path}: {message}\n")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["d.xlsx", "d.csv.zst", "d.parquet.gz"])
def test_what_is_read(name, write):
    path = write(name, "content")
    code, output = run(sample()[0], path)
    assert (code, output.count("\n")) == (2, 1)
    assert output.startswith(f"boxloss: {path}: ")
    assert "boxloss reads .json, .csv and .tsv" in output
