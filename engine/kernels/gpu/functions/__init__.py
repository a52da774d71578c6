"""The GPU kernels of the function catalogue: values in, as many values out."""
