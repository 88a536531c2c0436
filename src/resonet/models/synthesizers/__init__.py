"""Synthesizers: one file a family, units to log-mel spectrogram."""
