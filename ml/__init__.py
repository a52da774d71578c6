"""Machine learning on the engine's buffers: features, estimators, explanation, fairness.

Knows statistics and the frames below it; must not know SQL texts or files.
"""
