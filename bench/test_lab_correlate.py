"""How closely a loss follows the IoU: what a million pairs cost, and what part of that is SciPy's."""

import numpy as np
import pytest
from scipy import stats

from boxloss import get, lab
from boxloss.lab.correlation import conditional_spread, isotonic_residual


@pytest.mark.parametrize("name", ["ciou", "l1"])
def test_correlate(compare, million, name):
    """All pairs and overlapping ones each have every measure; the parts are timed for all pairs alone."""
    loss, pairs = get(name), lab.generate("mixed", million)
    found = lab.correlate(loss, pairs)
    value, iou = found.value, found.iou
    assert stats.spearmanr(value, iou).statistic == found.all.spearman
    assert np.isfinite(found.all).all()
    contestants = {
        "correlate": lambda: lab.correlate(loss, pairs),
        "scipy.stats.spearmanr": lambda: stats.spearmanr(value, iou),
        "scipy.stats.kendalltau": lambda: stats.kendalltau(value, iou),
        "conditional spread": lambda: conditional_spread(value, iou),
        "isotonic residual": lambda: isotonic_residual(value, iou),
        "generate": lambda: lab.generate("mixed", million),
    }
    compare("correlate", {"loss": name}, contestants, goals=[("correlate", "correlate", None)], budget=10.0)
