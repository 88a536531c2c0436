"""Errors that a user meets. Each says in one sentence what went wrong and where, and in a hint what to do.

The command line prints `message` and `hint` once and leaves with `exit_code` (docs/formats.md); the library raises.
"""

from __future__ import annotations


class ResonetError(Exception):
    """Base of every error that resonet raises on purpose.

    Args:
        message: one sentence: what, and where (a path, an utterance, a row).
        hint: what to do about it; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class AudioError(ResonetError):
    """A recording that cannot be read, or holds what is no sound."""


class DataError(ResonetError):
    """A corpus, transcript, lexicon or text that cannot be used as given."""


class TrainError(ResonetError):
    """Training cannot start or go on."""


class UsageError(ResonetError):
    """Arguments or settings that do not fit together."""

    exit_code = 2


class BundleError(ResonetError):
    """A bundle that is unknown, damaged, or of a format that this version does not read."""

    exit_code = 3


class SearchIndexError(ResonetError):
    """An index of recordings that is damaged, in use, or made with something else."""

    exit_code = 3


class MissingExtra(ResonetError):
    """A part of resonet that was not installed."""

    exit_code = 4

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra [{extra}]", f"pip install 'resonet[{extra}]'")
