"""Vocoders: one file a family, log-mel spectrogram to sound."""
