"""Sources and sinks behind the engine's protocols."""
