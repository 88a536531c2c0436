"""Several results side by side: rates, costs, and whether one is really better than the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resonet.evaluate.metrics import bootstrap
from resonet.evaluate.metrics.bootstrap import Difference
from resonet.evaluate.recognition import Result, percent


@dataclass(frozen=True)
class Compared:
    """One result beside the first. against_first: over the utterances that both have, speakers drawn anew; None for the
    first itself and where no utterance is shared."""

    result: Result
    against_first: Difference | None

    @property
    def verdict(self) -> str:
        """In words: better, worse, or no difference that the test data could show."""
        gap = self.against_first
        if gap is None:
            return ""
        if gap.high < 0:
            return "better"
        return "worse" if gap.low > 0 else "no clear difference"

    def as_dict(self) -> dict[str, Any]:
        """The difference in JSON form, in percent points; empty for the first."""
        gap = self.against_first
        if gap is None:
            return {}
        return {
            "wer_difference_percent": percent(gap.difference),
            "wer_difference_interval_percent": [percent(gap.low), percent(gap.high)],
            "better_in_share_of_draws": round(gap.better, 3),
            "verdict": self.verdict,
        }


def side_by_side(results: Sequence[Result]) -> list[Compared]:
    """The results in the order given, each compared with the first by a paired bootstrap."""
    return [Compared(result, _difference(results[0], result) if i else None) for i, result in enumerate(results)]


def _difference(first: Result, second: Result) -> Difference | None:
    known = {(u.file, u.start): u for u in first.utterances}
    shared = [(known[u.file, u.start], u) for u in second.utterances if (u.file, u.start) in known]
    units = [a.words.units for a, _ in shared]
    if not sum(units):
        return None
    return bootstrap.difference(
        [a.words.errors for a, _ in shared],
        [b.words.errors for _, b in shared],
        units,
        [a.speaker for a, _ in shared],
    )
