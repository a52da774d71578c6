"""Benchmarks of one GPU: ``python -m benchmarks.gpu``; each command prints one JSON object per line."""
