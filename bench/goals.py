"""The goals that the benchmarks are measured against: the tests refer to them by key, the tables list every one."""

from typing import NamedTuple


class Goal(NamedTuple):
    """A limit on a ratio of two medians, or on one number."""

    text: str
    limit: float
    at_least: bool = False
    unit: str = "x"
    on_gpu: bool = False  # measured by `gpu.py`

    def reached(self, value: float) -> bool:
        """Whether a measured value is within the limit."""
        return value >= self.limit if self.at_least else value <= self.limit

    def shown(self, value: float) -> str:
        """A measured value, with its part of the limit if it misses that by less than a digit that is shown."""
        told = show(value, self.unit)
        is_close = told == show(self.limit, self.unit) and not self.reached(value)
        return f"{told} ({value / self.limit:.2%} of the limit)" if is_close else told

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"{'at least' if self.at_least else 'at most'} {show(self.limit, self.unit)}"


def show(value: float, unit: str) -> str:
    """A measured or wanted number with its unit."""
    if unit == "ns":
        return f"{value * 1e9:.1f} ns"
    if unit == "us":
        return f"{value * 1e6:.1f} µs"
    if unit == "s":
        return f"{value:.2f} s"
    if unit == "MB":
        return f"{value:.0f} MB"
    if unit == "%":
        return f"{value:.2%}" if value < 0.1 else f"{value:.0%}"
    return f"{value:.0f} x" if value >= 20 else f"{value:.1f} x" if value >= 10 else f"{value:.2f} x"


GOALS = {
    "add_2_threads": Goal("value and gradient of every loss, 1,000,000 boxes, 2 threads, over `pred + target`", 1.0),
    "add_ciou_1_thread": Goal("value and gradient of `ciou`, 1,000,000 boxes, 1 thread, over `pred + target`", 2.0),
    "add_giou_1_thread": Goal("value and gradient of `giou`, 1,000,000 boxes, 1 thread, over `pred + target`", 1.4),
    "torch_eager": Goal("`ciou` value and gradient, times faster than eager torch", 40.0, at_least=True),
    "torchvision": Goal("`ciou` value and gradient, times faster than torchvision", 40.0, at_least=True),
    "torch_compile": Goal("`ciou` value and gradient, times faster than `torch.compile`", 20.0, at_least=True),
    "step_1000000": Goal(
        "training step, 1,000,000 boxes, eager or compiled, times faster than torchvision compiled", 15.0, at_least=True
    ),
    "step_100": Goal(
        "training step, 100 boxes, eager or compiled, times faster than torchvision compiled", 1.0, at_least=True
    ),
    "step_plain": Goal("compiled training step, 100 boxes, over that of a plain CIoU of 20 lines", 1.0),
    "powerboxes": Goal(
        "`pairwise`, 5000 x 5000, times faster than `powerboxes.parallel_giou_distance`", 10.0, at_least=True
    ),
    "fill": Goal("`giou.pairwise`, 5000 x 5000, over filling the output on as many threads", 1.5),
    "memory": Goal("`pairwise`, 5000 x 5000, peak extra memory, part of the output", 0.05, unit="%"),
    "later_add": Goal("value and gradient of each later loss, and of a modifier of `ciou`, over `pred + target`", 1.5),
    "later_nested": Goal("value and gradient of `focaler(inner(ciou))`, over `pred + target`", 2.0),
    "later_pairwise": Goal("matrix of each later loss, and of a modifier of `ciou`, over that of `ciou`", 2.0),
    "rotated_value": Goal("value of `iou` with an angle, 1 thread, a pair", 9e-9, unit="ns"),
    "rotated_gradient": Goal("value and gradient of `iou` with an angle, 1 thread, a pair", 12e-9, unit="ns"),
    "rotated_giou": Goal("value and gradient of `giou` with an angle, 1 thread, a pair", 18e-9, unit="ns"),
    "rotated_matrix": Goal("`pairwise` of `iou` with an angle, 1 thread, a pair", 6.5e-9, unit="ns"),
    "rotated_powerboxes": Goal(
        "`pairwise` with an angle where boxes overlap, times faster than powerboxes' parallel form", 20.0, at_least=True
    ),
    "rotated_sparse": Goal(
        "`below` with an angle where 0.7 % overlap, times faster than powerboxes", 1.0, at_least=True
    ),
    "rotated_torch": Goal(
        "sum of `iou` with an angle, forward and backward, times faster than torch with sorted polygons",
        300.0,
        at_least=True,
    ),
    "small_call": Goal("`ciou.value_and_grad`, 100 boxes, one call", 8e-6, unit="us"),
    "dask": Goal("value and gradient of 100,000,000 pairs on 2 Dask workers, over the bare engine on 2 threads", 1.5),
    "import": Goal("`import boxloss` over `import numpy`", 1.3),
    "compile_first": Goal("first `ciou.value_and_grad` of a machine, CPU time of the process", 3.0, unit="s"),
    "compile_next": Goal("another kernel, CPU time", 0.3, unit="s"),
    "compile_sum": Goal("CPU time of compiling a sum of 8 losses, over one of 4", 2.0),
    "first_call": Goal("second process, first `ciou` call over its imports", 0.4, unit="s"),
    "descend": Goal("`lab.descend`, 1,715,000 boxes, 200 steps, times faster than NumPy", 50.0, at_least=True),
    "descend_memory": Goal("`lab.descend`, 1,715,000 boxes, peak memory beside the boxes", 300.0, unit="MB"),
    "landscape": Goal("`lab.landscape`, 1000 x 1000, with statistics", 0.5, unit="s"),
    "correlate": Goal("`lab.correlate`, 1,000,000 pairs, SciPy's part included", 10.0, unit="s"),
    "evaluate": Goal("`evaluate`, 500,000 detections, CPU time, times faster than hotcoco", 2.0, at_least=True),
    "evaluate_command": Goal("`boxloss evaluate` of COCO-sized files, CPU time, over a script with hotcoco", 1.0),
    "score_command": Goal("`boxloss score` of 1,000,000 detections, from files to the table", 5.0, unit="s"),
    "evaluate_memory": Goal("`boxloss evaluate` of COCO-sized files, peak memory", 400.0, unit="MB"),
    "cache_growth": Goal("cache folder after 20 process starts over after one", 1.0),
    "gpu_ciou": Goal(
        "value and gradient of `ciou`, 2^26 boxes, speed of a copy of as many bytes", 0.8, True, "%", on_gpu=True
    ),
    "gpu_giou": Goal(
        "value and gradient of `giou`, 2^26 boxes, speed of a copy of as many bytes", 0.8, True, "%", on_gpu=True
    ),
    "gpu_pairwise": Goal("`pairwise`, 20,000 x 20,000, speed of a fill of the output", 0.7, True, "%", on_gpu=True),
}
