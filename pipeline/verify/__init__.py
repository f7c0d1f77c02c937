"""Match -> Judgement: symbolic checks and a trained reader, brought together by a calibrated decision.

Reading order: quantity.py (numbers), signals.py (what is seen), reader.py (the cross-encoder), decide.py (the verdict),
explain.py (quotes, condition, sentence for the reader), judge.py (the order of these steps).
"""

from pipeline.verify.judge import Judge

__all__ = ["Judge"]
