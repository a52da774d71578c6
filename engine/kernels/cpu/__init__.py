"""The CPU device: kernels over Arrow memory."""
