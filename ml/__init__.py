"""Machine learning on the engine's buffers."""
