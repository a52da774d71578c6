"""Rewrite rules, one per file; their order is in ``optimizer.py``.

``rule(plan, context) -> plan`` gives the same rows and schema, and the same object where nothing changed.
"""
