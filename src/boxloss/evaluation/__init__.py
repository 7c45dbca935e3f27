"""Mean average precision and recall as COCO's evaluation defines them, with intervals and comparisons."""

from boxloss.evaluation.bootstrap import Interval
from boxloss.evaluation.comparison import Comparison
from boxloss.evaluation.evaluate import evaluate
from boxloss.evaluation.evaluation import Curve, Evaluation

__all__ = ["Comparison", "Curve", "Evaluation", "Interval", "evaluate"]
