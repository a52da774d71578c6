"""Parquet row groups decoded into Arrow arrays by kernels, as late as conditions allow."""
