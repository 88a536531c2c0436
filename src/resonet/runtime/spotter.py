"""Spoken commands: single clips to labels, and running sound to events; the bundle's words and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.audio.loudness import amplification
from resonet.bundle import Bundle, Manifest, find
from resonet.decoding.labels import SILENCE, UNKNOWN, decide
from resonet.errors import BundleError, ResonetError, UsageError
from resonet.runtime.acoustic import Acoustic, AcousticStream, Network, Samples, Scores, default_threads
from resonet.runtime.embedder import Embedder
from resonet.runtime.enrolled import Enrolled, WordList
from resonet.runtime.events import Event, Listener, Watch
from resonet.runtime.examples import Examples
from resonet.runtime.keyword import Keywords
from resonet.runtime.recordings import BLOCK, Source, groups, sound_of
from resonet.runtime.second_look import SecondLook
from resonet.runtime.windows import Windows, WindowStream
from resonet.text.units import Units

# Seconds over which the probabilities of a stream are averaged: one frame alone is no word.
_SMOOTH = 0.12
_THRESHOLD = 0.5
# Seconds that no word is shorter than, and the loudest sample of digital silence: one step of 16 bits.
_SHORTEST, _STEP = 0.06, 1 / 32768
# Seconds within which the same word from two listeners (a label, and an enrolled word of that name) is one event.
_SAME = 1.0


@dataclass(frozen=True)
class Label:
    """What a clip was judged to be, and the probability for it, 0..1."""

    label: str
    score: float


class Spotter:
    """Hears words with a classifier bundle, and those that the user enrolled; made by `Spotter.load`.

    Thread safety: one spotter may be used by several threads at once; a `stream()` belongs to one thread.

    Attributes:
        labels: of the bundle, `unknown` and `silence` among them as a rule.
        words: what a stream can hear: the labels that are words, then the enrolled ones.
        skipped: enrolled words that cannot be heard with this bundle, one sentence of why each.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None, words: WordList | None = None) -> None:
        self.manifest: Manifest = bundle.manifest
        self.threads = threads or default_threads()
        form = bundle.manifest.classifier
        self.labels = bundle.manifest.labels
        self._network: Network | Windows
        if form.streams:
            self._network = Network(
                bundle.read("model.onnx"),
                self.threads,
                where=f"{bundle.path}: model.onnx",
                sample_rate=bundle.manifest.sample_rate,
                shift=bundle.manifest.output_shift,
                delay=form.delay,
                state=form.state or 0,
                columns=len(self.labels),
            )
        else:
            self._network = Windows(bundle, self.threads, form.window)
        self._window = -(-round(form.window * self._network.sample_rate) // self._network.stride)
        # Silence before a clip: a network that streams has not learnt what it is to have heard nothing yet.
        self._before = np.zeros(round(form.context * self._network.sample_rate) if form.streams else 0, np.float32)
        self._look = SecondLook.of(bundle, [label for label in self.labels if is_word(label)], self.threads)
        self.skipped: tuple[str, ...] = ()
        self._examples: Examples | None = None
        self._keywords: Keywords | None = None
        self._thresholds = {label: form.thresholds.get(label, _THRESHOLD) for label in self.labels if is_word(label)}
        if words is not None:
            tuned = words.thresholds.get(bundle.name, {})
            self._thresholds |= {label: tuned[label] for label in self._thresholds if label in tuned}
            self._add(bundle, words)
        self.words = tuple(self._thresholds)

    @classmethod
    def load(
        cls, name_or_path: str | Path | None = None, threads: int | None = None, words: str | Path | None = None
    ) -> Spotter:
        """Opens a bundle by name or path; without either, the one installed classifier.

        Args:
            words: file with enrolled words and thresholds; without it, the one in the user's data folder, if any.

        Raises:
            BundleError: unknown, damaged, or not a classifier; DataError: a words file that is missing or damaged.
        """
        with Bundle.open(name_or_path, kind="classifier") as bundle:
            return cls(bundle, threads, WordList.load(words, missing_ok=words is None))

    def classify(self, source: Source, sample_rate: int | None = None) -> Label:
        """The label of one clip, or of the word in a longer recording.

        Digital silence, and what is shorter than any word, is `silence` with score 1. Otherwise a clip is judged by
        the window that ends with it; in a longer one it is the word that is surest anywhere, or else what is likeliest
        on average. Quiet clips are raised first (`audio.loudness.amplification`), as a stream cannot be.

        Args:
            source: a path, the bytes of a file, an open file, or samples float32 [time] in -1..1, which need
                `sample_rate` (Hz).

        Raises:
            AudioError: not to be read, or no sound; UsageError: samples without a rate.
        """
        stream = self._network.stream()
        loudest = 0.0
        scores: list[Scores] = [stream.push(self._before)] if len(self._before) else []
        gain = None
        for block in sound_of(source, sample_rate, self._network.sample_rate):
            loudest = max(loudest, _peak(block))
            gain = amplification(block, self._network.sample_rate) if gain is None else gain
            block = _raised(block, gain)
            if isinstance(self._network, Windows) and not scores and len(block) <= self._network.window:
                # The graph takes a short clip as it is; more can only follow a whole block.
                return self._label(loudest, len(block), self._network.scores([block])[0])
            scores.append(stream.push(block))
        scores.append(stream.finish())
        return self._label(loudest, stream.samples - len(self._before), np.concatenate(scores))

    def classify_many(
        self, paths: Iterable[str | Path], progress: Callable[[int], object] | None = None
    ) -> Iterator[tuple[Path, Label | ResonetError]]:
        """The label of many clips, in order, each with its path; one that cannot be read gives its error instead.

        Clips are judged together, a few minutes of sound at a time; recordings over a minute are streamed.

        Args:
            progress: told of the clips that were judged since it was last told.
        """
        with ThreadPoolExecutor(2) as reads:
            for group in groups(paths):
                found = self._group(group, reads) if len(group) > 1 else [self._alone(group[0])]
                if progress is not None:
                    progress(len(group))
                yield from zip(group, found, strict=True)

    def stream(
        self, thresholds: float | Mapping[str, float] | None = None, only: Collection[str] | None = None
    ) -> SpotStream:
        """Words in sound that comes in pieces.

        Args:
            thresholds: probability, 0..1, from which a word counts, for all words or by word; otherwise what
                `tune-threshold` found, else what the bundle says, else 0.5.
            only: the words to listen for.

        Raises:
            UsageError: a threshold outside of 0..1, or a word that is not among `words`.
        """
        named = dict(thresholds) if isinstance(thresholds, Mapping) else {}
        for word in (*named, *(only or ())):
            if word not in self._thresholds:
                raise UsageError(f"{word!r} is no word of {self.manifest.name}", f"it has {', '.join(self.words)}")
        chosen = {**self._thresholds, **named}
        if thresholds is not None and not isinstance(thresholds, Mapping):
            chosen = dict.fromkeys(chosen, float(thresholds))
        for word, threshold in chosen.items():
            if not 0 < threshold <= 1:
                raise UsageError(f"the threshold of {word!r} is {threshold}", "give a probability: above 0, at most 1")
        wanted = set(self.words if only is None else only)
        watches = [
            Watch(listener, [chosen[w] for w in listener.words], [w in wanted for w in listener.words])
            for listener in self.listeners()
            if wanted & set(listener.words)
        ]
        return SpotStream(watches, self._network.sample_rate)

    def listeners(self) -> list[Listener]:
        """What hears the words in one stream, each its own: the probabilities behind `stream`."""
        labels = LabelListener(self._network, self.labels)
        found: list[Listener] = [labels if self._look is None else self._look.listener(labels)]
        if self._examples is not None:
            found.append(self._examples.listener())
        if self._keywords is not None:
            found.append(self._keywords.listener())
        return found

    @property
    def sample_rate(self) -> int:
        """Of the sound that streams take, Hz."""
        return self._network.sample_rate

    @property
    def thresholds(self) -> dict[str, float]:
        """The threshold of each of `words` where none is given."""
        return dict(self._thresholds)

    def _label(self, loudest: float, samples: int, scores: Scores) -> Label:
        if loudest <= _STEP or samples < _SHORTEST * self._network.sample_rate:
            return Label(SILENCE, 1.0)
        scores = scores[-(-len(self._before) // self._network.stride) :]
        place, score = decide(np.exp(scores), self.labels, self._window)
        return Label(self.labels[place], min(1.0, max(0.0, score)))

    def _group(self, group: list[Path], reads: ThreadPoolExecutor) -> list[Label | ResonetError]:
        def read(path: Path) -> Samples | ResonetError:
            try:
                return audio.read(path, self._network.sample_rate)
            except ResonetError as error:
                return error

        rate, sounds = self._network.sample_rate, list(reads.map(read, group))
        # As `classify`, which has heard half a minute when it must know.
        heard = [s for s in sounds if not isinstance(s, ResonetError)]
        raised = [_raised(s, amplification(s[: BLOCK * rate], rate)) for s in heard]
        scores = iter(self._network.scores([np.concatenate([self._before, s]) for s in raised]))
        return [s if isinstance(s, ResonetError) else self._label(_peak(s), len(s), next(scores)) for s in sounds]

    def _alone(self, path: Path) -> Label | ResonetError:
        try:
            return self.classify(path)
        except ResonetError as error:
            return error

    def _add(self, bundle: Bundle, words: WordList) -> None:
        """Prepares the enrolled words; what cannot be heard goes to `skipped`."""
        by_examples = [word for word in words.words if word.kind == "examples"]
        by_text = [word for word in words.words if word.kind == "text"]
        if by_examples:
            self._examples, heard = self._prepare_examples(bundle, by_examples)
            self._take(heard)
        if by_text:
            self._keywords, heard = self._prepare_keywords(by_text)
            self._take(heard)

    def _take(self, words: Sequence[Enrolled]) -> None:
        for word in words:
            self._thresholds[word.word] = _THRESHOLD if word.threshold is None else word.threshold

    def _prepare_examples(self, bundle: Bundle, words: list[Enrolled]) -> tuple[Examples | None, list[Enrolled]]:
        embed = bundle.manifest.members.get("embed.onnx")
        same = [word for word in words if embed is not None and word.embedder == embed.sha256]
        embedder = Embedder.of(bundle, self.threads) if same else None
        fitting = [word for word in same if embedder is not None and word.matrix.shape[1] == embedder.size]
        others = [word for word in words if word not in fitting]
        self._skip(others, f"enrolled with another embedder than that of {bundle.name}; enroll anew with --replace")
        if embedder is None or not fitting:
            return None, []
        return (
            Examples(
                embedder,
                [word.word for word in fitting],
                [word.matrix for word in fitting],
                [word.seconds for word in fitting],
            ),
            fitting,
        )

    def _prepare_keywords(self, words: list[Enrolled]) -> tuple[Keywords | None, list[Enrolled]]:
        """All words of the recognizer that the latest of them was enrolled with, or that is installed alone."""
        try:
            with _recognizer(words[-1].bundle) as bundle:
                acoustic = Acoustic(bundle, self.threads)
                listed = bundle.manifest.units
        except BundleError as error:
            self._skip(words, f"enrolled by spelling, which needs a recognizer: {error.message}")
            return None, []
        assert listed is not None  # the manifest was checked: a recognizer has units
        if acoustic.sample_rate != self._network.sample_rate:
            self._skip(words, f"the recognizer {bundle.name} takes sound of another rate")
            return None, []
        known = [word for word in words if all(set(way) <= set(listed.symbols[1:]) for way in word.phones)]
        self._skip([word for word in words if word not in known], f"{bundle.name} has other phones")
        if not known:
            return None, []
        units = Units(listed.type, listed.symbols)
        return Keywords(acoustic, units, [w.word for w in known], [w.phones for w in known]), known

    def _skip(self, words: Sequence[Enrolled], reason: str) -> None:
        if words:
            names = ", ".join(repr(word.word) for word in words)
            self.skipped += (f"{names} cannot be heard: {reason}",)


class SpotStream:
    """Made by `Spotter.stream()`; belongs to one thread. Events are the same whatever the pieces."""

    def __init__(self, watches: list[Watch], sample_rate: int) -> None:
        self._watches, self._rate = watches, sample_rate
        self._samples = 0
        self._last: dict[str, tuple[float, int]] = {}

    def push(self, samples: NDArray[np.float32]) -> list[Event]:
        """Takes samples float32 [time] at the spotter's rate; the words that were heard to end in them, or before."""
        self._samples += len(samples)
        return self._merged([watch.push(samples) for watch in self._watches])

    def finish(self) -> list[Event]:
        """The words at the very end; the stream takes no more sound after that."""
        return self._merged([watch.finish() for watch in self._watches])

    def _merged(self, found: list[list[Event]]) -> list[Event]:
        """In the order of time; a word that two listeners know counts once."""
        heard = self._samples / self._rate
        events = []
        for i, event in sorted(((i, e) for i, some in enumerate(found) for e in some), key=lambda pair: pair[1].time):
            time, listener = self._last.get(event.word, (-_SAME, i))
            if listener != i and event.time - time < _SAME:
                continue
            self._last[event.word] = event.time, i
            events.append(Event(round(min(event.time, heard), 3), event.word, event.score))
        return events


class LabelListener:
    """The labels of a classifier that are words: their probabilities, averaged over the last few frames."""

    def __init__(self, network: Network | Windows, labels: Sequence[str]) -> None:
        self._stream: AcousticStream | WindowStream = network.stream()
        self._columns = [i for i, label in enumerate(labels) if is_word(label)]
        self.words = tuple(labels[i] for i in self._columns)
        self.shift, self.delay = network.shift, network.delay * network.shift
        self._frames = max(1, round(_SMOOTH / network.shift))
        self._before = np.zeros((self._frames - 1, len(self._columns)), np.float32)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._smoothed(self._stream.push(samples))

    def finish(self) -> NDArray[np.float32]:
        return self._smoothed(self._stream.finish())

    def _smoothed(self, scores: Scores) -> NDArray[np.float32]:
        if not len(scores):
            return np.empty((0, len(self._columns)), np.float32)
        seen = np.concatenate([self._before, np.exp(scores[:, self._columns])])
        self._before = seen[len(seen) - self._frames + 1 :]
        total: NDArray[np.float32] = seen[: len(scores)].copy()
        for i in range(1, self._frames):
            total += seen[i : i + len(scores)]
        total /= np.float32(self._frames)
        return total


def is_word(label: str) -> bool:
    """Whether a label is a word, and not what stands for all other sound."""
    return label not in (UNKNOWN, SILENCE)


def _recognizer(name: str) -> Bundle:
    """The recognizer of that name, else the one that is installed."""
    try:
        return Bundle.open(find(name, "recognizer").path, "recognizer")
    except BundleError:
        return Bundle.open(None, "recognizer")


def _raised(samples: Samples, gain: float) -> Samples:
    return np.clip(samples * np.float32(gain), -1, 1) if gain > 1 else samples


def _peak(samples: Samples) -> float:
    return float(np.abs(samples).max(initial=0.0))
