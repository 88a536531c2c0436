"""The same mathematics with dictionaries, slow and plain: what the arrays are compared with."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from resonet.decoding.ngram import Backoff

Gram = tuple[str, ...]


def kneser_ney(
    sentences: Sequence[Sequence[str]], vocabulary: Sequence[str], order: int
) -> dict[Gram, dict[str, float]]:
    """P(w | h) for every history h that was seen (the empty one too) and every word but `<s>`."""
    raw: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
    for sentence in sentences:
        padded = ["<s>", *(word if word in vocabulary else None for word in sentence), "</s>"]
        for n in range(1, order + 1):
            for end in range(n, len(padded) + 1):
                gram = tuple(padded[end - n : end])
                if None not in gram and gram != ("<s>",):
                    raw[n][gram] += 1
    counts: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
    for n in range(1, order + 1):
        for gram, count in raw[n].items():
            if n == order or gram[0] == "<s>":
                counts[n][gram] = count
            else:
                left = len({longer[0] for longer in raw[n + 1] if longer[1:] == gram})
                if left:
                    counts[n][gram] = left
    words = ["<unk>", "</s>", *vocabulary]
    result: dict[Gram, dict[str, float]] = {}
    for n in range(1, order + 1):
        d = _discounts(list(counts[n].values()))
        followers: defaultdict[Gram, dict[str, int]] = defaultdict(dict)
        for gram, count in counts[n].items():
            followers[gram[:-1]][gram[-1]] = count
        for history, seen in followers.items():
            total = sum(seen.values())
            taken = sum(d[min(count, 3)] for count in seen.values()) / total
            result[history] = {}
            for word in words:
                lower = result[_known(result, history[1:])][word] if n > 1 else 1 / len(words)
                count = seen.get(word, 0)
                result[history][word] = (count - d[min(count, 3)]) / total + taken * lower
    return result


def _known(result: dict[Gram, dict[str, float]], history: Gram) -> Gram:
    while history not in result:
        history = history[1:]
    return history


def _discounts(counts: list[int]) -> list[float]:
    n1, n2, n3, n4 = (counts.count(i) for i in (1, 2, 3, 4))
    if 0 in (n1, n2, n3, n4):
        return [0, 0.5, 1.0, 1.5]
    y = n1 / (n1 + 2 * n2)
    d = [0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return d if all(0 < d[i] <= i for i in (1, 2, 3)) else [0, 0.5, 1.0, 1.5]


class Slow:
    """A backoff model as dictionaries, asked the textbook way."""

    def __init__(self, model: Backoff) -> None:
        self.words, self.order = model.words, model.order
        self.log_prob: dict[Gram, float] = {}
        self.backoff: dict[Gram, float] = {}
        for k, level in enumerate(model.levels):
            for row, p, b in zip(model.rows(k).tolist(), level.log_prob.tolist(), level.backoff.tolist(), strict=True):
                gram = tuple(model.words[i] for i in row)
                self.log_prob[gram], self.backoff[gram] = p, b

    def score(self, history: Gram, word: str) -> float:
        history = history[-(self.order - 1) :] if self.order > 1 else ()
        gram = (*history, word)
        if gram in self.log_prob:
            return self.log_prob[gram]
        return self.backoff.get(history, 0.0) + self.score(history[1:], word)

    def sums(self) -> dict[Gram, float]:
        """The sum of P(w | h) over all words but `<s>`, for every history in the model."""
        histories = [(), *(gram for gram in self.log_prob if len(gram) < self.order and gram[-1] != "</s>")]
        words = [word for word in self.words if word != "<s>"]
        return {h: math.fsum(math.exp(self.score(h, word)) for word in words) for h in histories}
