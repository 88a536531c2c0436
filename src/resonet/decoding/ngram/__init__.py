"""Word n-gram language models: trained by modified Kneser-Ney, pruned, as ARPA files, and compact for the decoder."""

from resonet.decoding.ngram.arpa import read_arpa, write_arpa
from resonet.decoding.ngram.backoff import Backoff
from resonet.decoding.ngram.files import exchange, load, read, write
from resonet.decoding.ngram.model import NgramModel, Perplexity
from resonet.decoding.ngram.pruning import prune
from resonet.decoding.ngram.text import Source, sentences
from resonet.decoding.ngram.training import train

__all__ = [
    "Backoff",
    "NgramModel",
    "Perplexity",
    "Source",
    "exchange",
    "load",
    "prune",
    "read",
    "read_arpa",
    "sentences",
    "train",
    "write",
    "write_arpa",
]
