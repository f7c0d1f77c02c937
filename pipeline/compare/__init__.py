"""What became of findings and claims between two runs: new, fixed, worsened, returned, strengthened, weakened.

In reading order: statements, likeness, strength, runs.
"""

from pipeline.compare.runs import Comparison, Finding, Rewording, compare
from pipeline.compare.statements import Statement, statements
from pipeline.compare.strength import Strength, strength

__all__ = ["Comparison", "Finding", "Rewording", "Statement", "Strength", "compare", "statements", "strength"]
