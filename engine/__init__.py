"""The execution engine: expressions, plans, optimiser, kernels, runners and the frame API."""
