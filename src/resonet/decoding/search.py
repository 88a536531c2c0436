"""The search itself: token passing over the lexicon tree, as array operations over all hypotheses of a batch.

Time-synchronous CTC prefix search (the sums of Hannun et al. 2014, arXiv 1408.2873) constrained to a lexicon
(flashlight's LexiconDecoder is the model); Python loops over frames only.

A hypothesis is a place in the lexicon tree after a word history. It keeps the probability of all its CTC paths that end
in a blank and of those that end in its last unit. Probabilities are linear, relative to the best hypothesis of the
utterance (rescaled every frame), so that sums are plain additions. They hold the language model too: the best unigram
below a tree node as look-ahead, and the n-gram score in its place once a word ends. A word ends when probability
*arrives* at its node: that much goes on at the root, while the node may still become a longer word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.collapse import collapse
from resonet.decoding.trie import Trie
from resonet.errors import UsageError

SENTENCE_END = 2
# Probabilities stop here below the best unit of their frame, so that no frame can end all hypotheses.
_FLOOR = -60.0
# Odd 64-bit multipliers of the hash that finds equal hypotheses. 56 of its bits are compared: with 300 candidates a
# frame two different ones meet by chance once in 10^12 frames.
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_HASH_BITS = 56


class LanguageModel(Protocol):
    """What the search asks of a word n-gram; word ids 0, 1, 2 are `<unk>`, `<s>`, `</s>`. Natural logs.

    `score` gives the log probability of each word after each state, and the states after it; all [n].
    """

    @property
    def words(self) -> Sequence[str]: ...

    @property
    def unigrams(self) -> NDArray[np.float32]: ...

    def start_state(self) -> int: ...

    def score(
        self, states: NDArray[np.int64], words: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...


@dataclass(frozen=True)
class BeamOptions:
    """Settings of the search; logs are natural.

    `lm_weight` scales the language model, `word_bonus` is added for each word. `beam` hypotheses of an utterance are
    kept, those within `threshold` of the best. A unit starts only where its log probability is within `unit_threshold`
    of the best of its frame and it is among the best `unit_beam`. Frames whose blank has a probability above
    `blank_skip` are left out. `prior_weight` times the log prior of each unit is taken off the acoustic scores.
    """

    lm_weight: float = 1.5
    word_bonus: float = 0.0
    beam: int = 128
    threshold: float = 10.0
    unit_threshold: float = 7.0
    unit_beam: int = 12
    blank_skip: float = 0.98
    prior_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.beam < 1 or self.unit_beam < 1 or not 0 < self.blank_skip <= 1:
            raise UsageError("A beam needs at least one hypothesis and one unit, and a blank_skip above 0, at most 1")


@dataclass(frozen=True)
class Knowledge:
    """What does not change from batch to batch.

    `lm_ids` int32 [words] are the ids of the words of the tree in the language model; `ahead` float64 [nodes] the
    weighted look-ahead of each node, `gain` float64 [nodes] its factor over that of the parent.
    """

    trie: Trie
    lm: LanguageModel | None
    lm_ids: NDArray[np.int32]
    ahead: NDArray[np.float64]
    gain: NDArray[np.float64]
    options: BeamOptions


@dataclass(frozen=True)
class Found:
    """The best path of an utterance: its pronunciations (ids of the tree's lexicon), the log probability that the
    language model gives each of their words, and the log of the weight of it all."""

    pronunciations: list[int]
    lm: list[float]
    score: float


@dataclass(frozen=True)
class _Hypotheses:
    """All hypotheses, ordered by utterance; every array [n].

    `blank` and `unit`: probability of the paths that end in a blank, or in the unit `last`; `history` the last word, a
    row of the table of words (-1: none yet).
    """

    utterance: NDArray[np.int64]
    node: NDArray[np.int32]
    lm: NDArray[np.int64]
    last: NDArray[np.int32]
    history: NDArray[np.int32]
    blank: NDArray[np.float64]
    unit: NDArray[np.float64]

    def at(self, chosen: slice | NDArray[np.intp]) -> _Hypotheses:
        return _Hypotheses(
            self.utterance[chosen], self.node[chosen], self.lm[chosen], self.last[chosen], self.history[chosen],
            self.blank[chosen], self.unit[chosen],
        )  # fmt: skip

    def arrive(
        self, source: NDArray[np.intp], node: NDArray[np.int32], unit: NDArray[np.int32], weight: NDArray[np.float64]
    ) -> _Hypotheses:
        """Hypotheses that come from those at `source` by emitting `unit`, at `node` with probability `weight`."""
        return _Hypotheses(
            self.utterance.take(source), node, self.lm.take(source), unit, self.history.take(source),
            np.zeros(len(source)), weight,
        )  # fmt: skip


class Search:
    """One batch of at most 256 utterances (the bits that `_HASH_BITS` leaves): prepared here, searched by `run`."""

    def __init__(
        self, knowledge: Knowledge, log_probs: Sequence[NDArray[np.float32]], log_prior: NDArray[np.float32] | None
    ) -> None:
        self.knowledge = knowledge
        options = knowledge.options
        shorter = [collapse(scores, options.blank_skip) for scores in log_probs]
        # Longest first: the utterances that still run are then the first rows, and finished ones cost nothing.
        self.order = sorted(range(len(log_probs)), key=lambda i: -len(shorter[i][0]))
        self.lengths = np.array([len(shorter[i][0]) for i in self.order])
        self.scale = np.array([shorter[i][2] for i in self.order])
        shape = (int(self.lengths.max(initial=0)), len(self.order))
        self.probs = np.zeros((*shape, knowledge.trie.n_units), np.float32)
        self.after_blank = np.zeros(shape, bool)
        for row, i in enumerate(self.order):
            kept, after_blank, _ = shorter[i]
            scores = log_probs[i][kept]
            if log_prior is not None and options.prior_weight:
                scores = scores - np.float32(options.prior_weight) * log_prior
            best = scores.max(axis=1, keepdims=True)
            self.scale[row] += best.sum(dtype=np.float64)
            self.probs[: len(kept), row] = np.exp(np.maximum(scores - best, np.float32(_FLOOR)))
            self.after_blank[: len(kept), row] = after_blank
        self._list_units()
        # The table of words: parts of its columns pronunciation, row of the word before, and language model score.
        self.pronunciations: list[NDArray[np.int32]] = []
        self.previous: list[NDArray[np.int32]] = []
        self.lm_scores: list[NDArray[np.float32]] = []
        self.n_words = 0

    def _list_units(self) -> None:
        """The units worth starting, flat: `count[t, u]` of them in frame t of row u, from `offset[t, u]` on."""
        options = self.knowledge.options
        flat = self.probs.reshape(-1, self.probs.shape[2])
        least = np.full(len(flat), np.exp(-options.unit_threshold), np.float32)
        surplus = flat.shape[1] - 1 - options.unit_beam
        if surplus > 0:
            np.maximum(least, np.partition(flat[:, 1:], surplus, axis=1)[:, surplus], out=least)
        chosen = flat >= least[:, None]
        chosen[:, 0] = False
        rows, units = np.nonzero(chosen)
        self.units = units.astype(np.int32)
        self.unit_probs = flat[rows, units].astype(np.float64)
        count = np.bincount(rows, minlength=len(flat))
        self.count = count.reshape(self.probs.shape[:2])
        self.offset = (np.cumsum(count) - count).reshape(self.probs.shape[:2])

    def run(self) -> list[Found]:
        """The best path of each utterance, in the order given."""
        history = np.full(len(self.order), -1)
        now = self._start()
        for frame in range(len(self.probs) + 1):
            # Rows of utterances that have no such frame are done.
            split = int(np.searchsorted(now.utterance, np.searchsorted(-self.lengths, -frame)))
            if split < len(now.utterance):
                self._finish(now.at(slice(split, None)), history)
                now = now.at(slice(0, split))
            if frame < len(self.probs):
                now = self._step(frame, now)
        pronunciations, previous, lm_scores = (
            np.concatenate(column) if column else np.empty(0)
            for column in (self.pronunciations, self.previous, self.lm_scores)
        )
        found = [Found([], [], 0.0)] * len(self.order)
        for row, i in enumerate(self.order):
            path, word = [], int(history[row])
            while word >= 0:
                path.append(word)
                word = int(previous[word])
            path.reverse()
            found[i] = Found(pronunciations[path].tolist(), lm_scores[path].tolist(), float(self.scale[row]))
        return found

    def _start(self) -> _Hypotheses:
        """Every utterance at its start; with a separator also at the root, where a separator may come first."""
        trie, lm = self.knowledge.trie, self.knowledge.lm
        nodes = sorted({0, trie.start})
        utterance = np.repeat(np.arange(len(self.order)), len(nodes))
        n = len(utterance)
        return _Hypotheses(
            utterance=utterance,
            node=np.tile(np.array(nodes, np.int32), len(self.order)),
            lm=np.full(n, lm.start_state() if lm is not None else 0, np.int64),
            last=np.zeros(n, np.int32),
            history=np.full(n, -1, np.int32),
            blank=np.ones(n),
            unit=np.zeros(n),
        )

    def _step(self, frame: int, now: _Hypotheses) -> _Hypotheses:
        """All hypotheses after one more frame."""
        options, probs = self.knowledge.options, self.probs[frame].reshape(-1)
        total = now.blank + now.unit
        unit = np.where(self.after_blank[frame].take(now.utterance), 0.0, now.unit)
        row = now.utterance * self.probs.shape[2]
        blank = total * probs.take(row)
        repeat = unit * probs.take(row + now.last)
        stay = blank + repeat
        floor = np.exp(-options.threshold) * self._best(now.utterance, stay)
        moves = self._moves(frame, now, total, unit, floor.take(now.utterance))
        top, least = self._cutoffs(now.utterance, stay, moves)
        stays = np.flatnonzero(stay >= least.take(now.utterance))
        kept = dataclasses.replace(now, blank=blank, unit=repeat).at(stays)
        moves = moves.at(np.flatnonzero(moves.unit >= least.take(moves.utterance)))
        ended = self._ended(moves, least)
        # Nothing can follow at a leaf: what arrived there lives on at the root. The very best stays all the same, so
        # that no utterance is ever left without a hypothesis.
        inner = self.knowledge.trie.children.take(moves.node) > 0
        moves = moves.at(np.flatnonzero(inner | (moves.unit == top.take(moves.utterance))))
        return self._merge(kept, moves, ended)

    def _best(self, utterance: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """The largest weight of each utterance (0 without hypotheses); ordered by utterance."""
        best = np.zeros(len(self.order))
        starts = np.flatnonzero(np.diff(utterance, prepend=-1))
        if len(starts):
            best[utterance[starts]] = np.maximum.reduceat(weight, starts)
        return best

    def _moves(
        self,
        frame: int,
        now: _Hypotheses,
        total: NDArray[np.float64],
        unit: NDArray[np.float64],
        floor: NDArray[np.float64],
    ) -> _Hypotheses:
        """All steps to a next unit that keep more than `floor`, as hypotheses; ordered by utterance."""
        trie = self.knowledge.trie
        count = self.count[frame].take(now.utterance)
        source = np.repeat(np.arange(len(count)), count)
        # Place of each candidate in the flat list of units: a running number, shifted hypothesis by hypothesis.
        place = np.arange(len(source)) + np.repeat(
            self.offset[frame].take(now.utterance) - (np.cumsum(count) - count), count
        )
        prob = self.unit_probs.take(place)
        # Look-ahead only lowers a weight: what is too low without it need not look up its node.
        likely = np.flatnonzero(total.take(source) * prob > floor.take(source))
        source, place, prob = source.take(likely), place.take(likely), prob.take(likely)
        symbol = self.units.take(place)
        child = trie.child(now.node.take(source), symbol)
        there = np.flatnonzero(child)
        source, prob, symbol, child = source.take(there), prob.take(there), symbol.take(there), child.take(there)
        # The same unit again needs a blank between.
        again = symbol == now.last.take(source)
        weight = total.take(source) - np.where(again, unit.take(source), 0.0)
        weight *= prob * self.knowledge.gain.take(child)
        likely = np.flatnonzero(weight > floor.take(source))
        return now.arrive(source.take(likely), child.take(likely), symbol.take(likely), weight.take(likely))

    def _cutoffs(
        self, utterance: NDArray[np.int64], stay: NDArray[np.float64], moves: _Hypotheses
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The best weight of each utterance, and the least that is among the best `beam` and within the threshold."""
        options, rows = self.knowledge.options, np.arange(len(self.order) + 1)
        starts = np.searchsorted(utterance, rows)
        moves_starts = np.searchsorted(moves.utterance, rows)
        stays, width = np.diff(starts), int((np.diff(starts) + np.diff(moves_starts)).max())
        table = np.zeros((len(self.order), max(width, 1)))
        cells, step = table.reshape(-1), table.shape[1]
        cells[np.arange(len(utterance)) + (rows[:-1] * step - starts[:-1]).take(utterance)] = stay
        shift = (rows[:-1] * step + stays - moves_starts[:-1]).take(moves.utterance)
        cells[np.arange(len(shift)) + shift] = moves.unit
        top, surplus = table.max(axis=1), step - options.beam
        least = np.exp(-options.threshold) * top
        if surplus >= 0:
            np.maximum(least, np.partition(table, surplus, axis=1)[:, surplus], out=least)
        # A word that ends with its look-ahead score ties with its node: rounding, which depends on the place in the
        # batch, must not part them.
        return top, least * (1 - 1e-9)

    def _ended(self, moves: _Hypotheses, least: NDArray[np.float64]) -> _Hypotheses:
        """The words that end where probability arrived, as hypotheses at the root; adds them to the table of words."""
        knowledge, trie = self.knowledge, self.knowledge.trie
        count = trie.entry_count.take(moves.node)
        source = np.repeat(np.arange(len(count)), count)
        node = moves.node.take(source)
        within = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
        pronunciation = trie.entries.take(trie.entry.take(node) + within)
        score, state = np.zeros(len(source), np.float32), moves.lm.take(source)
        if knowledge.lm is not None and len(source):
            score, state = knowledge.lm.score(state, knowledge.lm_ids.take(trie.word.take(pronunciation)))
        gain = knowledge.options.lm_weight * score.astype(np.float64) - knowledge.ahead.take(node)
        weight = moves.unit.take(source) * np.exp(gain + knowledge.options.word_bonus)
        likely = np.flatnonzero(weight >= least.take(moves.utterance.take(source)))
        source = source.take(likely)
        self.pronunciations.append(pronunciation.take(likely))
        self.previous.append(moves.history.take(source))
        self.lm_scores.append(score.take(likely))
        ended = moves.arrive(source, np.zeros(len(source), np.int32), moves.last.take(source), weight.take(likely))
        history = np.arange(self.n_words, self.n_words + len(source), dtype=np.int32)
        self.n_words += len(source)
        return dataclasses.replace(ended, lm=state.take(likely), history=history)

    def _merge(self, *parts: _Hypotheses) -> _Hypotheses:
        """Adds up equal hypotheses (the likeliest gives the history), orders by utterance, rescales."""
        names = [field.name for field in dataclasses.fields(_Hypotheses)]
        every = _Hypotheses(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
        key = every.lm.view(np.uint64) * _MIX[0]
        key += every.node.astype(np.uint64) * _MIX[1]
        key += every.last.astype(np.uint64) * _MIX[2]
        key >>= np.uint64(64 - _HASH_BITS)
        key |= every.utterance.astype(np.uint64) << np.uint64(_HASH_BITS)
        order = np.argsort(key)
        key = key.take(order)
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        blank, unit = every.blank.take(order), every.unit.take(order)
        total = blank + unit
        if len(starts) == len(order):
            winner = order
        else:
            group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
            top = np.flatnonzero(total == np.maximum.reduceat(total, starts).take(group))
            winner = np.empty(len(starts), np.intp)
            winner[group.take(top)] = order.take(top)
            blank, unit = np.add.reduceat(blank, starts), np.add.reduceat(unit, starts)
        merged = every.at(winner)
        best = self._best(merged.utterance, blank + unit)
        active = best > 0
        self.scale[active] += np.log(best[active])
        factor = (1.0 / np.where(active, best, 1.0)).take(merged.utterance)
        return dataclasses.replace(merged, blank=blank * factor, unit=unit * factor)

    def _finish(self, finished: _Hypotheses, history: NDArray[np.intp]) -> None:
        """Picks the best complete hypothesis of each finished utterance, else what words the best one has."""
        knowledge = self.knowledge
        weight = np.log(finished.blank + finished.unit)
        if knowledge.lm is not None:
            end, _ = knowledge.lm.score(finished.lm, np.full(len(weight), SENTENCE_END, np.int32))
            weight += knowledge.options.lm_weight * end - knowledge.ahead.take(finished.node)
        # The start counts as complete: a separator alone (or nothing) leads there.
        complete = (finished.node == 0) | (finished.node == knowledge.trie.start)
        for row in np.unique(finished.utterance):
            rows = np.flatnonzero(finished.utterance == row)
            whole = rows[complete[rows]]
            rows = whole if len(whole) else rows
            best = rows[weight[rows].argmax()]
            history[row] = finished.history[best]
            self.scale[row] += weight[best]
