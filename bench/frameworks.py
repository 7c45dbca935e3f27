"""The ratios on the pages of docs/frameworks: ``python bench/frameworks.py PAGE``, where `nox -s peers` runs.

A ratio is the time of the peer's own code over the time of the code of the page, which is run to get it: medians of
turns that the contestants take by turns in one process. It prints a Markdown table.
"""

import argparse
import contextlib
import functools
import importlib.metadata
import io
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
os.environ.setdefault("YOLO_OFFLINE", "true")

import torchvision_ops  # noqa: E402, F401 - torchvision beside another build of torch
from documents import run  # noqa: E402
from interleave import Timed  # noqa: E402

Table = tuple[list[str], list[list[str]]]


@functools.cache
def page(name: str) -> dict[str, Any]:
    """The names of a page's blocks that import no peer: the functions that are timed."""
    out = io.StringIO()

    def printed() -> str:
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text

    with contextlib.redirect_stdout(out):
        return run(ROOT / "docs" / "frameworks" / f"{name}.md", printed)


def ratios(own: Callable[[], Any], *others: Callable[[], Any], seconds: float = 4.0) -> list[str]:
    """How many times longer the first takes than each of the others."""
    timed = [Timed(call, 1e-3, False) for call in (own, *others)]
    pause = 0.002  # threads of OpenMP spin for a while after a call, on a core that the next one needs
    rounds = min(200, max(9, int(seconds / sum(t.length + pause for t in timed))))
    for _ in range(rounds):
        for contestant in timed:
            contestant()
            time.sleep(pause)
    first, *rest = (statistics.median(t.seconds) for t in timed)
    return [f"{first / median:.1f}" for median in rest]


def random_boxes(count: int, format: str = "xyxy") -> tuple[Any, Any]:
    """Boxes in pixels and others beside them; or of both in fractions, as centres and sizes."""
    import torch

    generator = torch.Generator().manual_seed(0)
    centre, size, shift, growth = (torch.rand(count, 2, generator=generator) for _ in range(4))
    pred = torch.cat([0.2 + 0.6 * centre, 0.03 + 0.2 * size], 1)
    target = pred + torch.cat([0.01 * (shift - 0.5), 0.01 * (growth - 0.5)], 1)
    if format == "cxcywh":
        return pred, target
    corners = [640 * torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], 1) for b in (pred, target)]
    return corners[0], corners[1]


def gradient(boxes: Any, loss: Callable[[], Any]) -> Callable[[], Any]:
    """A training step of boxes: the loss and its backward pass."""

    def step() -> Any:
        boxes.grad = None
        loss().backward()
        return boxes.grad

    return step


def check(own: Any, ours: Any) -> float:
    """The largest difference, as a part of the largest entry."""
    return float((own - ours).abs().max() / own.abs().max())


# --- ultralytics ----------------------------------------------------------------------------------------------------


def ultralytics_steps(count: int) -> list[Callable[[], Any]]:
    """The box term of a YOLO loss: as it comes, with the line of the page, with the weights in the call."""
    names = page("ultralytics")
    import torch
    from ultralytics.utils.metrics import bbox_iou

    pred, target = random_boxes(count)
    pred.requires_grad_()
    weight = torch.rand(count, 1, generator=torch.Generator().manual_seed(1))
    total = weight.sum()

    def term(similarity: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: ((1.0 - similarity(pred, target, xywh=False, CIoU=True)) * weight).sum() / total

    calls = [term(bbox_iou), term(names["bbox_iou"]), lambda: names["box_term"](pred, target, weight, total)]
    return [gradient(pred, call) for call in calls]


def peak(which: int, count: int) -> float:
    """Memory of a step in a process of its own, in KiB: how far its resident set grows."""
    code = f"import frameworks as f; print(f.peak_here({which}, {count}))"
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}  # freed memory goes back, and is not reused unseen
    command = [sys.executable, "-c", code]
    ran = subprocess.run(
        command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, check=True
    )
    return float(ran.stdout.split()[-1])


def peak_here(which: int, count: int) -> int:
    """The same, in this process, by Linux's high-water mark, which is set back before the step."""
    ultralytics_steps(1000)[which]()  # compiled and loaded
    step = ultralytics_steps(count)[which]
    Path("/proc/self/clear_refs").write_text("5")
    before = high_water()
    step()
    return high_water() - before


def high_water() -> int:
    """The largest resident set of this process, in KiB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def ultralytics() -> Table:
    """Times, memory and the largest difference of gradients of the box term."""
    rows = []
    for count in (100, 1_000, 10_000, 100_000, 1_000_000):
        steps = ultralytics_steps(count)
        grads = [step().clone() for step in steps]
        memory = ["", ""]
        if count == 1_000_000:
            own, *others = (statistics.median(peak(which, count) for _ in range(3)) for which in range(3))
            memory = [f"{other / own:.2f}" for other in others]
        differences = [f"{check(grads[0], grad):.0e}" for grad in grads[1:]]
        rows.append([f"{count:,}", *ratios(*steps), *memory, *differences])
    head = ["boxes", "one line", "weighted sum"]
    return [*head, *(f"memory, {h}" for h in head[1:]), *(f"gradient differs, {h}" for h in head[1:])], rows


# --- transformers ---------------------------------------------------------------------------------------------------


def transformers() -> Table:
    """The matcher of DETR and the loss of matched boxes, as they come and as on the page."""
    import torch
    from transformers.loss.loss_for_object_detection import HungarianMatcher, ImageLoss

    names, rows = page("transformers"), []
    matcher = HungarianMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
    criterion = ImageLoss(matcher, 91, 0.1, ["boxes"])
    for batch, queries, count in ((2, 100, 5), (4, 100, 10), (8, 100, 20), (16, 300, 20), (16, 900, 20), (8, 300, 100)):
        boxes = random_boxes(batch * queries, "cxcywh")[0].view(batch, queries, 4).requires_grad_()
        logits = torch.randn(batch, queries, 92, generator=torch.Generator().manual_seed(0))
        given = {"logits": logits, "pred_boxes": boxes}
        truth = random_boxes(batch * count, "cxcywh")[1].view(batch, count, 4)
        targets = [{"class_labels": torch.arange(count) % 91, "boxes": each} for each in truth]
        indices = matcher(given, targets)
        assert all(map(torch.equal, sum(indices, ()), sum(names["match"](matcher, given, targets), ())))
        arguments = (criterion, given, targets, indices, float(batch * count))
        steps = [
            gradient(boxes, lambda f=function, a=arguments: sum(f(*a).values()))
            for function in (ImageLoss.loss_boxes, names["loss_boxes"])
        ]
        matchers = [
            lambda f=function, a=(matcher, given, targets): f(*a)
            for function in (HungarianMatcher.forward, names["match"])
        ]
        difference = check(*(step().clone() for step in steps))
        rows.append([f"{batch} x {queries}", f"{count}", *ratios(*matchers), *ratios(*steps), f"{difference:.0e}"])
    return ["images x queries", "targets an image", "matcher", "`loss_boxes`", "gradient differs"], rows


# --- torchvision ----------------------------------------------------------------------------------------------------


def torchvision() -> Table:
    """The loss of FCOS, the matrix of RetinaNet's matching, and whole training steps of both."""
    import torch
    import torchvision.models.detection as detection
    from torchvision.ops import box_iou, generalized_box_iou_loss

    from boxloss.compat import torchvision as compat

    rows = []
    for count in (100, 1_000, 10_000, 100_000):
        pred, target = random_boxes(count)
        pred.requires_grad_()
        own, ours = (
            gradient(pred, lambda loss=loss, pair=(pred, target): loss(*pair, reduction="sum"))
            for loss in (generalized_box_iou_loss, compat.generalized_box_iou_loss)
        )
        rows.append(["`generalized_box_iou_loss` and backward", f"{count:,} pairs", *ratios(own, ours)])
    for truths, anchors in ((5, 10_000), (20, 120_000)):
        pair = random_boxes(truths)[0], random_boxes(anchors)[1]
        row = ratios(lambda pair=pair: box_iou(*pair), lambda pair=pair: compat.box_iou(*pair))
        rows.append(["`box_iou`", f"{truths} targets, {anchors:,} anchors", *row])
    model = detection.fcos_resnet50_fpn(weights=None, weights_backbone=None, num_classes=3, min_size=320, max_size=320)
    targets = [{"boxes": random_boxes(10)[1] / 2, "labels": torch.ones(10, dtype=torch.int64)}]
    images = [torch.rand(3, 320, 320)]

    def step(loss: Callable[..., Any]) -> Callable[[], Any]:
        def run_step() -> None:
            detection.fcos.generalized_box_iou_loss = loss
            model.zero_grad()
            sum(model(images, targets).values()).backward()

        return run_step

    whole = ratios(step(generalized_box_iou_loss), step(compat.generalized_box_iou_loss))
    rows.append(["a training step of FCOS", "1 image of 320 x 320", *whole])
    return ["what", "size", "ratio"], rows


# --- Trackers -------------------------------------------------------------------------------------------------------


def trackers() -> Table:
    """Cost matrices of as many tracks as detections, each of the peer over that of the page."""
    distance, rows = page("trackers")["distance"], []  # before ultralytics, which changes how NumPy prints
    import numpy as np
    import supervision
    from norfair.distances import iou
    from trackers import CIoU, GIoU
    from ultralytics.trackers.utils import matching

    import boxloss as bl

    own_ioa = matching.bbox_ioa

    def byte(function: Callable[..., Any], tracks: list[Any], found: list[Any]) -> Callable[[], Any]:
        def matrix() -> Any:
            matching.bbox_ioa = function
            return matching.iou_distance(tracks, found)

        return matrix

    for count in (5, 20, 50, 100, 300, 1000):
        tracks, found = (boxes.numpy().astype(np.float64) for boxes in random_boxes(count))
        lists = list(tracks), list(found)
        ours = byte(lambda one, two, iou: bl.iou_score.pairwise(one, two), *lists)
        pairs = [
            (byte(own_ioa, *lists), ours),
            (lambda a=tracks, b=found: iou(a, b), lambda a=tracks, b=found: distance(a, b)),
            (lambda a=tracks, b=found: supervision.box_iou_batch(a, b), lambda a=tracks, b=found: distance(a, b)),
            (lambda a=tracks, b=found: GIoU().compute(a, b), lambda a=tracks, b=found: 1 - bl.giou.pairwise(a, b)),
            (lambda a=tracks, b=found: CIoU().compute(a, b), lambda a=tracks, b=found: 1 - bl.ciou.pairwise(a, b)),
        ]
        rows.append([f"{count} x {count}", *(ratios(*pair, seconds=2.0)[0] for pair in pairs)])
    heads = ["`iou_distance` of ultralytics", "`iou` of norfair", "`box_iou_batch` of supervision"]
    return ["tracks x detections", *heads, "`GIoU` of trackers", "`CIoU` of trackers"], rows


PAGES: dict[str, tuple[Callable[[], Table], list[str]]] = {
    "ultralytics": (ultralytics, ["ultralytics", "torch"]),
    "transformers": (transformers, ["transformers", "torch"]),
    "torchvision": (torchvision, ["torchvision", "torch"]),
    "trackers": (trackers, ["ultralytics", "norfair", "supervision", "trackers", "numpy"]),
}


def main() -> None:
    """Print the table of a page and what was measured with what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", choices=list(PAGES))
    measure, packages = PAGES[parser.parse_args().page]
    head, rows = measure()
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"\n{versions}; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
