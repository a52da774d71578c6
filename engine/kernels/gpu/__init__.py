"""The GPU device: kernels of pylibcudf."""
