"""Decoding: from acoustic scores (log probabilities of units, frame by frame) to words with times and scores."""

from resonet.decoding.beam import LexiconBeam
from resonet.decoding.hypothesis import DecodedWord, Hypothesis
from resonet.decoding.search import BeamOptions, LanguageModel

__all__ = ["BeamOptions", "DecodedWord", "Hypothesis", "LanguageModel", "LexiconBeam"]
