"""Scores bundles without PyTorch (extra `[evaluate]`): measures, one file each, results, reports and comparisons."""
