"""Word n-gram language models: trained by modified Kneser-Ney, pruned, as ARPA files, and compact for the decoder."""

from resonet.decoding.ngram.arpa import read_arpa, write_arpa
from resonet.decoding.ngram.backoff import Backoff
from resonet.decoding.ngram.model import NgramModel, Perplexity
from resonet.decoding.ngram.text import Source, sentences
from resonet.decoding.ngram.train import train

__all__ = ["Backoff", "NgramModel", "Perplexity", "Source", "read_arpa", "sentences", "train", "write_arpa"]
