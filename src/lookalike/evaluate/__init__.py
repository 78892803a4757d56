"""How well distances find what belongs together: precision@k, recall@k, mAP, mAP@R, MRR, uAP, each defined in words.

Functions on arrays and galleries. What belongs together is told by labels, by pairs, or by queries and what is
relevant to each.
"""

from lookalike.evaluate.calibration import Reliability, ReliabilityBin, reliability
from lookalike.evaluate.copies import CopyRecall, CopyReport, CopyThreshold, Operating, copy_report
from lookalike.evaluate.measures import (
    Ranked,
    average_precision,
    average_precision_at_r,
    micro_average_precision,
    precision_at,
    rank,
    recall_at,
    reciprocal_rank,
)
from lookalike.evaluate.run import Evaluation, Measured, evaluate
from lookalike.evaluate.truth import Truth, read_pairs, read_relevant, truth_of_labels

__all__ = [
    "CopyRecall",
    "CopyReport",
    "CopyThreshold",
    "Evaluation",
    "Measured",
    "Operating",
    "Ranked",
    "Reliability",
    "ReliabilityBin",
    "Truth",
    "average_precision",
    "average_precision_at_r",
    "copy_report",
    "evaluate",
    "micro_average_precision",
    "precision_at",
    "rank",
    "read_pairs",
    "read_relevant",
    "recall_at",
    "reciprocal_rank",
    "reliability",
    "truth_of_labels",
]
