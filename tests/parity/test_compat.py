"""Value and gradient of every function of `boxloss.compat` beside those of its peer: ``nox -s parity``."""

import inspect
import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import boxloss as bl
import compat_calls
import generators
import peer_functions as peers
from compat_calls import CALLS

ROOT = Path(__file__).parents[2]
RECORDED, PAGE = ROOT / "tests/compat_values.json", ROOT / "docs/parity.md"
SCALES = {"pixels": 100.0, "normalised": 0.05}
IN_FLOAT32 = ("keras", "keras_cv", "darknet", "ultralytics.box_iou")
PACKAGES = {
    "ultralytics": "ultralytics", "mmdet": "mmdet", "mmyolo": "mmyolo", "fvcore": "fvcore", "yolov5": "yolov5",
    "yolov6": "yolov6detect", "keras": "keras", "keras_cv": "keras-cv", "paddle": "paddledet", "darknet": None,
}  # fmt: skip
# They have no wheel.
COMMITS = {
    "darknet": "darknet 59596d7",
    "fvcore.diou_loss": "detectron2 02b5c4e",
    "fvcore.ciou_loss": "detectron2 02b5c4e",
}


def is_in_float32(name):
    return name.startswith(IN_FLOAT32)


def pairs(count):
    """Pairs by kind and scale, away from kinks."""
    rng = np.random.default_rng(11)
    found = {}
    for kind in ("overlapping", "apart", "nested", "contained"):
        if kind in ("overlapping", "apart"):
            pred, target = getattr(generators, "disjoint" if kind == "apart" else kind)(rng, count)
        else:
            pred, target = (side[kind == "nested" :: 2] for side in generators.nested(rng, 2 * count))
        found.update({(kind, scale): (factor * pred, factor * target) for scale, factor in SCALES.items()})
    return found


def evaluated(name, call, pred, target):
    """Values and the gradients of their weighted sum, of tensors."""
    sides = [torch.tensor(bl.convert(side, "xyxy", call.format), requires_grad=True) for side in (pred, target)]
    if name.startswith("darknet"):  # which has no gradient
        return [call.function(*(side.detach() for side in sides)).numpy()]
    values = call.function(*sides)
    upstream = torch.linspace(1.0, 2.0, values.numel(), dtype=values.dtype).reshape(values.shape)
    grads = torch.autograd.grad((values * upstream).sum(), sides, allow_unused=True)
    return [values.detach().numpy(), *(np.zeros((len(pred), 4)) if g is None else g.numpy() for g in grads)]


class Worst(NamedTuple):
    """The largest difference, of the largest number beside it, and the pairs that it is of."""

    difference: float = 0.0
    pairs: str = ""


@pytest.fixture(scope="module")
def theirs(request, tmp_path_factory):
    found = peers.calls()
    detectron2, darknet = (request.config.getoption(f"--{name}") for name in ("detectron2", "darknet"))
    if detectron2:
        found |= compat_calls.detectron2_calls(peers.detectron2(detectron2))
    if darknet:
        found |= compat_calls.darknet_calls(peers.darknet(darknet, tmp_path_factory.mktemp("darknet")))
    libraries = list(PACKAGES)
    return dict(sorted(found.items(), key=lambda item: libraries.index(item[0].partition(".")[0])))


@pytest.fixture(scope="module")
def worst(theirs):
    """For each function the worst difference of its values, and of its gradients."""
    return {name: worst_of(name, call) for name, call in theirs.items()}


def worst_of(name, call):
    """The worst difference of the values of a function, and of its gradients."""
    value, grad = Worst(), Worst()
    for scale in SCALES:
        every = {kind: pair for (kind, its), pair in pairs(50).items() if its == scale}
        both = {kind: [evaluated(name, one, *pair) for one in (call, CALLS[name])] for kind, pair in every.items()}
        # Of the largest number at this scale: where a gradient is 0 there is nothing else to compare with.
        largest = [max(abs(wanted[k]).max() for wanted, _ in both.values()) for k in range(len(both["apart"][0]))]
        for kind, (wanted, ours) in both.items():
            differences = [
                difference(a, b) / size for a, b, size in zip(ours, wanted, largest, strict=True) if size > 0.0
            ]
            value = max(value, Worst(differences[0], f"{kind}, {scale}"))
            grad = max(grad, Worst(max(differences[1:], default=0.0), f"{kind}, {scale}"))
    return value, grad


def difference(ours, wanted):
    assert ours.shape == wanted.shape
    return float(abs(ours - wanted).max())


def test_every_function_agrees(worst):
    beyond = {
        name: found
        for name, found in worst.items()
        if not all(one.difference <= (2e-6 if is_in_float32(name) else 2e-13) for one in found)
    }
    assert beyond == {}


def test_signatures():
    """Names, order and defaults of parameters."""
    for library, names in peers.SIGNATURES.items():
        ours = import_module(f"boxloss.compat.{library}")
        for name, peer in names().items():
            found, wanted = (
                [(p.name, p.default) for p in inspect.signature(one).parameters.values() if p.name != "self"]
                for one in (getattr(ours, name), peer)
            )
            assert found == wanted, f"{library}.{name}"


def recorded(theirs):
    """What `tests/test_compat_profiles.py` compares with: a pair of each kind and scale."""
    every = pairs(1).values()
    pred, target = (np.concatenate(side).round(5) for side in zip(*every, strict=True))
    values = {}
    for name, call in theirs.items():
        rows = [evaluated(name, call, pred[k : k + 1], target[k : k + 1]) for k in range(len(pred))]
        values[name] = {"values": [digits(row[0].ravel()) for row in rows]}
        if not name.startswith("darknet"):
            values[name]["grads"] = [digits(np.concatenate([row[1][0], row[2][0]])) for row in rows]
    return {"pred": pred.tolist(), "target": target.tolist(), "calls": values}


def digits(numbers):
    return [float(f"{number:.13g}") for number in numbers]


def test_recorded_values(request, theirs, worst):
    """They are still those of the peers; `--write` writes them and the table."""
    found = recorded(theirs)
    if not request.config.getoption("--write"):
        kept = json.loads(RECORDED.read_text(encoding="utf-8"))["calls"]
        for name, numbers in found["calls"].items():
            for which, rows in numbers.items():
                assert_allclose(np.asarray(kept[name][which]), rows, rtol=1e-5, atol=1e-9, err_msg=name)
        return
    if not (request.config.getoption("--darknet") and request.config.getoption("--detectron2")):
        pytest.fail("--write needs --darknet and --detectron2 too")
    lines = [f'"{side}": {json.dumps(found[side])}' for side in ("pred", "target")]
    calls = ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in found["calls"].items())
    RECORDED.write_text("{" + ",\n".join([*lines, f'"calls": {{\n{calls}}}']) + "}\n", encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    start, end = "<!-- table: nox -s parity -->\n", "<!-- end of table -->"
    before, after = text.split(start)[0], text.split(end)[1]
    PAGE.write_text(before + start + table(worst) + end + after, encoding="utf-8")


def table(worst):
    """The rows of docs/parity.md."""
    rows = ["| function | peer | value | gradient | worst on | computed in |", "|---|---|---|---|---|---|"]
    for name, (value, grad) in worst.items():
        library, _, function = name.partition(".")
        package = PACKAGES[library]
        peer = COMMITS.get(name) or COMMITS.get(library) or f"{package} {version(package)}"
        function, _, rest = function.partition(" ")
        told = "" if library == "darknet" else f"{grad.difference:.0e}"
        where = max(value, grad).pairs
        width = "float32" if is_in_float32(name) else "float64"
        label = f"`{library}.{function}` {rest}".strip()
        rows.append(f"| {label} | {peer} | {value.difference:.0e} | {told} | {where} | {width} |")
    return "\n".join(rows) + "\n"
