"""Networks on text: grapheme-to-phone. Each file here is a family."""
