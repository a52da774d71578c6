"""Measurements beside the installed rivals: the same files and rows, the same number of threads, answers compared."""
