"""Recognizers: PCM in, log-probabilities of units out. Each file here is a family."""
