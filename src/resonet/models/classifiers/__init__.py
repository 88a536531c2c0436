"""Classifiers: PCM in, log-probabilities of labels out. Each file here is a family."""
