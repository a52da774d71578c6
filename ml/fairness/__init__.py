"""Fairness at the scale of the data: error rates per slice and threshold, with intervals and gaps."""

from .audit import SliceOptions, audit_arrays
from .frames import slices
from .rates import METRICS
from .table import Attribute, SlicesTable

__all__ = ["METRICS", "Attribute", "SliceOptions", "SlicesTable", "audit_arrays", "slices"]
