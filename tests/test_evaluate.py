"""Mean average precision, against pycocotools to the last bit, and the bootstrap over its images."""

import contextlib
import copy
import io
import json
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import boxloss as bl
from boxloss import coco
from boxloss.data import sample

NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
NAMES += ("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large")
ENGINES = ("array", "numba")


# --- pycocotools ----------------------------------------------------------------------------------------------------


def by_pycocotools(truth, detections, max_detections=(1, 10, 100), iou_thresholds=None):
    """Its evaluation of what the files hold."""
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        dataset.dataset = copy.deepcopy(truth)
        dataset.createIndex()
        evaluation = COCOeval(dataset, dataset.loadRes(copy.deepcopy(detections)), "bbox")
        evaluation.params.maxDets = list(max_detections)
        if iou_thresholds is not None:
            evaluation.params.iouThrs = np.asarray(iou_thresholds)
        evaluation.evaluate()
        evaluation.accumulate()
        if len(max_detections) == 3:
            evaluation.summarize()
    return evaluation


def assert_same(result, reference):
    """Every number of a result is that of pycocotools, in every bit; -1 there is NaN here."""
    for name in ("precision", "recall", "scores"):
        expected = reference.eval[name]
        np.testing.assert_array_equal(getattr(result, name), np.where(expected == -1, np.nan, expected), err_msg=name)
    if len(reference.stats):
        statistics = list(result.statistics.values())
        np.testing.assert_array_equal(statistics, np.where(reference.stats == -1, np.nan, reference.stats))


def write(folder, truth, detections):
    paths = folder / "truth.json", folder / "found.json"
    for path, content in zip(paths, (truth, detections), strict=True):
        path.write_text(json.dumps(content))
    return paths


@st.composite
def sets(draw, coarse=True):
    """Ground truth and detections on a grid, so that scores, IoUs and areas tie; with crowds and empty images."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    images, categories = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    grid = draw(st.sampled_from([1.0, 8.0, 16.0]))

    def box():
        return [float(v * grid) for v in (*rng.integers(0, 6, 2), *rng.integers(0, 8, 2))]

    def place():
        return {"image_id": int(rng.integers(images)) + 1, "category_id": int(rng.integers(categories)) + 1}

    annotations = []
    for i in range(draw(st.integers(0, 40))):
        own = box()
        area = own[2] * own[3] * float(rng.choice([1.0, 0.5]))
        crowd = int(rng.random() < 0.2)
        annotations.append({"id": i + 1, **place(), "bbox": own, "area": area, "iscrowd": crowd})
    detections = []
    for _ in range(draw(st.integers(1, 200))):
        near = annotations and rng.random() < 0.5
        own = rng.choice(annotations) if near else {**place(), "bbox": box()}
        noise = rng.normal(0, grid / 4, 4) if rng.random() < 0.7 else np.zeros(4)
        moved = [max(a + float(b), 0.0) for a, b in zip(own["bbox"], noise, strict=True)]
        kept = {key: own[key] for key in ("image_id", "category_id")}
        detections.append({**kept, "bbox": moved, "score": float(rng.integers(0, 12) / 12)})
    ids = [{"id": i + 1} for i in range(images + 1)]
    named = [{"id": i + 1, "name": str(i)} for i in range(categories + 1)]
    return {"images": ids, "categories": named, "annotations": annotations}, detections


def columns(truth, detections):
    """Both as plain arrays."""

    def column(records, key):
        return np.asarray([record[key] for record in records])

    names = {"image": "image_id", "category": "category_id", "box": "bbox"}
    annotated = {new: column(truth["annotations"], old) for new, old in {**names, "crowd": "iscrowd"}.items()}
    annotated["area"] = column(truth["annotations"], "area")
    return annotated, {new: column(detections, old) for new, old in {**names, "score": "score"}.items()}


def read(truth, detections):
    """Both as they are when they were read."""
    known, found = columns(truth, detections)
    images, named = np.array([image["id"] for image in truth["images"]]), truth["categories"]
    box = known["box"].reshape(-1, 4)
    flags, area = known["crowd"].astype(bool), known["area"].astype(float)
    ids = (known[key].astype(np.int64) for key in ("image", "category"))
    listed = {one["id"]: one["name"] for one in named}
    annotated = coco.GroundTruth("truth", images, listed, *ids, np.arange(len(box)), box, flags, area)
    place = np.arange(len(found["score"]))
    return annotated, coco.Detections("found", found["image"], found["category"], found["box"], found["score"], place)


@settings(max_examples=60, deadline=None)
@given(sets(), st.sampled_from(ENGINES), st.sampled_from([(1, 10, 100), (1, 3, 7), (2,), (1, 5, 20, 300)]))
def test_every_number_is_that_of_pycocotools(given_sets, engine, max_detections):
    reference = by_pycocotools(*given_sets, max_detections)
    if max_detections != (1, 10, 100):
        reference.stats = ()  # below
    assert_same(bl.evaluate(*read(*given_sets), max_detections=max_detections, engine=engine), reference)


@pytest.mark.parametrize("iou_thresholds", [[0.0, 0.3, 1.0], [0.5], np.linspace(0.01, 1.0, 62)], ids=len)
def test_thresholds(iou_thresholds, tmp_path):
    files = [json.loads(file.read_bytes()) for file in sample()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = by_pycocotools(*files, (1, 100), iou_thresholds)
    for engine in ENGINES:
        result = bl.evaluate(*sample(), iou_thresholds=iou_thresholds, max_detections=(1, 100), engine=engine)
        assert_same(result, reference)


def test_sample():
    result, reference = bl.evaluate(*sample()), by_pycocotools(*(json.loads(file.read_bytes()) for file in sample()))
    assert_same(result, reference)
    assert list(result.statistics) == list(NAMES)
    assert [getattr(result, name) for name in NAMES] == list(reference.stats)


def test_300_detections_have_statistics():
    # pycocotools has -1 for the AP without 100 among maxDets: a bug, since it looks for 100 whatever it was given.
    files = [json.loads(file.read_bytes()) for file in sample()]
    result, usual = bl.evaluate(*sample(), max_detections=(1, 10, 300)), bl.evaluate(*sample())
    assert by_pycocotools(*files, (1, 10, 300)).stats[0] == -1
    assert result.ap == usual.ap
    assert list(result.statistics) == [name.replace("ar_100", "ar_300") for name in NAMES]
    with pytest.raises(ValueError, match=r"ar_100 needs 100 among max_detections; got \(1, 10, 300\)"):
        _ = result.ar_100


def test_annotation_with_id_0_is_matched(tmp_path):
    # pycocotools marks a match by the id of the annotation and so takes this one for unmatched.
    truth, detections = TRUTH | {"annotations": [TRUTH["annotations"][0] | {"id": 0}]}, [DETECTIONS[0]]
    assert by_pycocotools(truth, detections).stats[0] == 0
    assert bl.evaluate(*write(tmp_path, truth, detections)).ap == 1 - 2**-52  # of 1 + eps detections


# --- Forms of input -------------------------------------------------------------------------------------------------

TRUTH = {
    "images": [{"id": 1}, {"id": 2}],
    "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    "annotations": [
        {"id": 11, "image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "area": 50, "iscrowd": 0},
        {"id": 12, "image_id": 2, "category_id": 5, "bbox": [2, 0, 40, 40], "area": 1600, "iscrowd": 0},
        {"id": 13, "image_id": 2, "category_id": 5, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 1},
    ],
}
DETECTIONS = [
    {"image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "score": 0.5},
    {"image_id": 2, "category_id": 5, "bbox": [2, 0, 40, 30], "score": 0.9},
    {"image_id": 2, "category_id": 6, "bbox": [60, 5, 10, 10], "score": 0.8},
]
COLUMNS = columns(TRUTH, DETECTIONS)


@pytest.fixture
def expected(tmp_path):
    return bl.evaluate(*write(tmp_path, TRUTH, DETECTIONS))


def assert_equal(result, expected):
    np.testing.assert_equal(result.statistics, expected.statistics)


def test_files_arrays_and_what_was_read(tmp_path, expected):
    files = write(tmp_path, TRUTH, DETECTIONS)
    truth = coco.read_ground_truth(files[0])
    found = coco.read_detections(files[1], truth)
    for one in (str(files[0]), files[0], truth):
        for other in (str(files[1]), found, COLUMNS[1] | {"box": corners(COLUMNS[1]["box"])}):
            assert_equal(bl.evaluate(one, other), expected)
    assert_equal(bl.evaluate(*COLUMNS, format="xywh"), expected)
    assert_equal(bl.evaluate(COLUMNS[0], files[1], format="xywh"), expected)


def corners(box):
    return bl.convert(np.asarray(box, float), "xywh", "xyxy")


def test_arrays_are_corners_unless_told(expected):
    truth, found = (one | {"box": corners(one["box"])} for one in COLUMNS)
    assert_equal(bl.evaluate(truth, found), expected)


def test_lists_strings_and_a_table(expected):
    import pyarrow as pa

    truth, found = ({**one, "image": [f"{i}.jpg" for i in one["image"]], "box": one["box"].tolist()} for one in COLUMNS)
    assert_equal(bl.evaluate(truth, found, format="xywh"), expected)

    class Table(dict):
        """What a DataFrame does with a column of lists and of texts."""

        def __getitem__(self, key):
            return np.array([*super().__getitem__(key), None], dtype=object)[:-1]

    assert_equal(bl.evaluate(truth, Table(found), format="xywh"), expected)
    assert pa.table(expected.table()).num_rows == 2


def test_area_and_crowd_are_optional(expected):
    truth = {key: COLUMNS[0][key][:2] for key in ("image", "category", "box")}
    result = bl.evaluate(truth, COLUMNS[1], format="xywh")
    assert result.ap50 == expected.ap50
    assert result.table()["annotations"].tolist() == [2, 0]
    own = truth["box"][:, 2] * truth["box"][:, 3]
    assert_equal(result, bl.evaluate({**truth, "area": own, "crowd": [0, 0]}, COLUMNS[1], format="xywh"))


def test_nothing():
    nothing = {"image": [], "category": [], "box": [], "score": []}
    truth = {key: COLUMNS[0][key] for key in ("image", "category", "box")}
    for engine in ENGINES:
        result = bl.evaluate(truth, nothing, format="xywh", engine=engine)
        assert (result.ap, result.ar_100) == (0.0, 0.0)
        assert np.isnan(result.ap_large)
        nobody = bl.evaluate({"image": [], "category": [], "box": []}, nothing, engine=engine)
        assert all(map(np.isnan, nobody.statistics.values()))
        assert all(np.isnan(nobody.interval()["ap"]))


@pytest.mark.torch
def test_tensors(tmp_path):
    import torch

    expected = bl.evaluate(*write(tmp_path, TRUTH, DETECTIONS))
    truth, found = ({key: torch.as_tensor(values) for key, values in one.items()} for one in COLUMNS)
    found["box"] = found["box"].to(torch.bfloat16).requires_grad_()
    assert_equal(bl.evaluate(truth, found, format="xywh"), expected)


# --- Errors ---------------------------------------------------------------------------------------------------------

BOTH = {"image": [1], "category": [1], "box": [[0, 0, 1, 1]]}


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ({"crowds": 1}, {}, "truth has no use for 'crowds': its columns are image, category, box, crowd, area"),
        ({"box": [1, 2, 3, 4]}, {}, "truth: box must have shape (N, 4); got (4,)"),
        ({"box": [[0, 0, 1, "a"]]}, {}, "truth: box must hold numbers; got <U21"),
        ({"box": [[0, 0, 1, np.inf]]}, {}, "truth: box [0.0, 0.0, 1.0, inf] of row 0 is not finite"),
        ({"box": [[2, 0, 1, 1]]}, {}, "truth: box [2.0, 0.0, 1.0, 1.0] of row 0 as 'xyxy' has a negative width or height"),  # noqa: E501
        ({"image": [1, 2]}, {}, "truth: image must have one entry a box, shape (1,); got (2,)"),
        ({"image": [1.5]}, {}, "truth: image must hold integers or strings; got float64"),
        ({"crowd": [2]}, {}, "truth: crowd 2.0 of row 0 is neither 0 nor 1"),
        ({"area": [np.nan]}, {}, "truth: area nan of row 0 is not finite"),
        ({}, {"score": [np.nan]}, "detections: score nan of row 0 is not finite"),
        ({}, {"category": ["a"]}, "detections: category must hold integers as truth does; got strings"),
    ],
)  # fmt: skip
def test_wrong_columns(truth, found, message):
    with pytest.raises((TypeError, ValueError)) as error:
        bl.evaluate(BOTH | truth, BOTH | {"score": [0.5]} | found)
    assert str(error.value) == message


def test_what_is_no_columns():
    message = "truth must be a file or columns: a dict or a table with image, category, box, crowd, area; got int"
    with pytest.raises(TypeError, match=re.escape(message)):
        bl.evaluate(3, BOTH)
    with pytest.raises(ValueError, match="detections must have 'score'; got 'image', 'category', 'box'"):
        bl.evaluate(BOTH, BOTH)


def test_ids_that_a_file_does_not_list(tmp_path):
    file, _ = write(tmp_path, TRUTH, DETECTIONS)
    with pytest.raises(ValueError, match=r"detections: image 7 of row 0 is not among those of .*truth\.json"):
        bl.evaluate(file, BOTH | {"score": [0.5], "image": [7], "category": [5]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iou_thresholds": []}, "iou_thresholds must be 1 to 62 numbers; got shape (0,)"),
        ({"iou_thresholds": [0.5, 1.5]}, "iou_thresholds must be between 0 and 1; got [0.5, 1.5]"),
        ({"areas": {"small": (5, 1)}}, "areas must be ranges (low, high); got (5, 1) for 'small'"),
        ({"areas": {"10": (0, 1)}}, "names of areas must be words; got '10'"),
        ({"max_detections": (0, 1)}, "max_detections must be whole numbers above 0; got (0, 1)"),
        ({"max_detections": (1.5,)}, "max_detections must be whole numbers above 0; got (1.5,)"),
        ({"engine": "cuda"}, "engine must be one of 'auto', 'numba', 'array'; got 'cuda'"),
        ({"format": "xxyy"}, "format must be one of 'xyxy', 'xywh', 'cxcywh', 'yxyx'; got 'xxyy'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        bl.evaluate(BOTH, BOTH | {"score": [0.5]}, **options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.statistic("map"), "'map' is no statistic: there are ap, ap50, ap75, ap_small"),
        (lambda e: e.statistic("ap_huge"), "'ap_huge' is no statistic: there are ap, ap50"),
        (lambda e: e.statistic("ap33"), "ap33 needs 0.33 among iou_thresholds"),
        (lambda e: e.curve(9), "category 9 is not among the 5 categories"),
        (lambda e: e.curve(1, 0.33), "iou must be one of iou_thresholds, "),
        (lambda e: e.curve(1, area="huge"), "area must be one of 'all', 'small', 'medium', 'large'; got 'huge'"),
        (lambda e: e.table(per="image"), "per must be 'category' or 'iou'; got 'image'"),
        (lambda e: e.interval(95), "level must be between 0 and 1; got 95"),
        (lambda e: e.interval(resamples=0), "resamples must be a whole number above 0; got 0"),
        (lambda e: e.compare(bl.evaluate(*sample(), iou_thresholds=[0.5])), "same iou_thresholds"),
        (lambda e: e.compare(bl.evaluate(BOTH, BOTH | {"score": [1]})), "same ground truth"),
        (lambda e: e.compare(e, resamples=1).table("ar_1"), "'ar_1' was not compared: there are 'ap', 'ap50', 'ap75'"),
    ],
)
def test_wrong_questions(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(bl.evaluate(*sample()))


# --- Results --------------------------------------------------------------------------------------------------------


def test_tables_and_curves():
    result = bl.evaluate(*sample())
    table = result.table()
    assert table["category"] == ["person", "car", "dog", "bottle", "chair"]
    assert np.mean(table["ap"]) == pytest.approx(result.ap, abs=1e-12)
    assert table["annotations"].sum() == 113
    assert table["detections"].sum() == 146
    curve = result.curve(2, 0.75)
    np.testing.assert_array_equal(curve.precision, result.precision[5, :, 1, 0, 2])
    np.testing.assert_array_equal(curve.score, result.scores[5, :, 1, 0, 2])
    assert curve.recall[7] == pytest.approx(0.07)
    per_iou = result.table(per="iou")
    assert per_iou["ap"][0] == pytest.approx(result.ap50, abs=1e-12)
    assert per_iou["ar"].mean() == pytest.approx(result.ar_100, abs=1e-12)
    assert repr(result) == "Evaluation(ap=0.4891, ap50=0.6928, ap75=0.5061, images=20, categories=5)"
    with pytest.raises(AttributeError):
        result.ap = 1.0


def test_own_areas_and_thresholds_have_names():
    result = bl.evaluate(*sample(), iou_thresholds=[0.5, 0.6], areas={"tiny": (0, 500)}, max_detections=[5])
    assert list(result.statistics) == ["ap", "ap50", "ap_tiny", "ar_5", "ar_tiny"]
    assert result.statistic("ap60") == pytest.approx(2 * result.ap - result.ap50)
    assert np.isnan(bl.evaluate(*sample(), areas={"none": (1e8, 1e9)}).statistic("ap_none"))


# --- Bootstrap ------------------------------------------------------------------------------------------------------


def without_ties(seed, detector=0):
    """A set of 12 images whose scores all differ."""
    rng = np.random.default_rng(seed)
    n = 60
    corner, size = rng.uniform(0, 200, (n, 2)), rng.uniform(5, 120, (n, 2))
    image, category = rng.integers(0, 12, n), rng.integers(0, 3, n)
    truth = {"image": image, "category": category, "box": np.concatenate([corner, corner + size], axis=1)}
    rng = np.random.default_rng([seed, detector])
    moved = truth["box"] + rng.normal(0, 0.06, (n, 4)) * np.tile(size, 2)
    found = {"image": image, "category": category, "box": moved, "score": rng.permutation(n) / n}
    more = {key: np.concatenate([values, values[: n // 2]]) for key, values in found.items()}
    more["score"] = rng.permutation(len(more["score"])) / 100.0
    return truth | {"crowd": rng.random(n) < 0.1}, more


def drawn_anew(one, counts):
    """The boxes of images that were drawn so often, each time as an image of its own."""
    parts = []
    for image, count in enumerate(counts):
        inside = np.flatnonzero(np.asarray(one["image"]) == image)
        for copy_number in range(int(count)):
            parts.append(
                {k: np.asarray(v)[inside] for k, v in one.items()} | {"image": inside * 0 + image + 100 * copy_number}
            )
    return {key: np.concatenate([part[key] for part in parts]) for key in one}


@pytest.mark.parametrize("engine", ENGINES)
def test_resamples_are_evaluations_of_images_drawn_anew(engine):
    from boxloss.evaluation.bootstrap import draws, percentile_interval, resampled

    truth, found = without_ties(3)
    result = bl.evaluate(truth, found, engine=engine)
    names = ["ap", "ap75", "ap_medium", "ar_1", "ar_100"]
    weights = next(iter(draws(12, 8, 5)))
    assert weights.sum(axis=0).tolist() == [12] * 32
    values = resampled(result._parts.marks, result.settings, names, [weights], engine)
    for lane in range(8):
        again = bl.evaluate(drawn_anew(truth, weights[:, lane]), drawn_anew(found, weights[:, lane]), engine="array")
        expected = again.table()
        for name in names:
            own = dict(zip(expected["category_id"].tolist(), expected[name], strict=True))
            np.testing.assert_allclose(values[name][lane], [own.get(k, np.nan) for k in range(3)], atol=1e-12)
    interval = result.interval(0.8, names, resamples=8, seed=5)
    mean = np.nanmean(values["ap"][:8], axis=1)
    assert interval["ap"] == pytest.approx(percentile_interval(mean, 0.8))
    assert interval["ap"].low < result.ap < interval["ap"].high


def test_weights_of_one_are_the_evaluation():
    from boxloss.evaluation.bootstrap import resampled

    result = bl.evaluate(*sample())
    for engine in ENGINES:
        values = resampled(result._parts.marks, result.settings, NAMES, [np.ones((20, 32))], engine)
        for name in NAMES:
            np.testing.assert_allclose(values[name][0], result.table()[name], atol=1e-12)


def test_comparison_is_paired():
    truth, found = without_ties(3)
    one, other = bl.evaluate(truth, found), bl.evaluate(truth, without_ties(3, detector=1)[1])
    same = one.compare(one, resamples=64)
    assert same.difference["ap"] == 0.0
    assert same.interval["ap"] == (0.0, 0.0)
    compared = one.compare(other, resamples=64, names=["ap", "ar_100"])
    assert compared.difference["ap"] == one.ap - other.ap
    back = other.compare(one, resamples=64)
    assert back.interval["ap"] == pytest.approx((-compared.interval["ap"].high, -compared.interval["ap"].low))
    apart = [e.interval(resamples=64)["ap"] for e in (one, other)]
    width = compared.interval["ap"].high - compared.interval["ap"].low
    assert width < sum(i.high - i.low for i in apart)
    table = compared.table()
    assert list(table["difference"]) == sorted(table["difference"], reverse=True)
    of_one, of_other = (dict(zip(e.table()["category_id"], e.table()["ap"], strict=True)) for e in (one, other))
    for category, difference in zip(table["category_id"], table["difference"], strict=True):
        assert difference == of_one[category] - of_other[category]


def test_comparison_of_detectors_that_see_other_images_and_categories():
    truth, found = without_ties(3)
    more = {key: np.append(found[key], found[key][:1], axis=0) for key in found}
    more["image"][-1], more["category"][-1] = 99, 98
    compared = bl.evaluate(truth, found).compare(bl.evaluate(truth, more), resamples=32)
    assert compared.interval["ap"] == (0.0, 0.0)
    assert list(compared.categories) == [0, 1, 2]
