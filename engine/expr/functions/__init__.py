"""The entries of the function catalogue, one family a file. Read them through ``volley.engine.expr.catalogue``."""
