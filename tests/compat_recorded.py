"""What `nox -s parity` recorded of other libraries: boxes, values and gradients."""

import json
from pathlib import Path

import numpy as np

RECORDED = json.loads(Path(__file__).with_name("compat_values.json").read_text(encoding="utf-8"))
PRED, TARGET = np.asarray(RECORDED["pred"]), np.asarray(RECORDED["target"])
