"""Measures, one file each: plain functions of texts and numbers, nothing of models or files."""
