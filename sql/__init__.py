"""SQL text in, logical plan out."""
