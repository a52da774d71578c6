"""The main job: a validated specification in YAML, and the runner that takes it from files to a report.

Knows the frame API, SQL and the ML room by their public names. Must not know operators, kernels or devices.
"""
