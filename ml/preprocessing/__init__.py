"""Fitted parameters of scalers, imputers and encoders, and how to apply them to a block of rows."""
