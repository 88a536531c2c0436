"""The evaluation of a voice as one HTML page: figures, players, spectrograms with words and melody, every sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from resonet import audio
from resonet.audio import pitch
from resonet.evaluate import plots, sounds
from resonet.evaluate.report import rendered, saved
from resonet.evaluate.synthesis_result import NATURAL, VOICE, Result, Sentence

TEMPLATE = "synthesis.html"
PLAYED = 12  # sentences with players, half of them the worst: some 2 MB
SHOWN = 300  # sentences in the table

_WIDTH, _HEIGHT, _BELOW = 480, 120, 26
_LOW, _HIGH = pitch.LOWEST, pitch.HIGHEST


@dataclass(frozen=True)
class Played:
    """A sound of a sentence in the page: its system, a data URI, and its picture as SVG."""

    system: str
    player: str
    picture: str


def page(results: Sequence[Result]) -> str:
    """The page about one voice, or about several below each other. The sounds are read where they lie.

    Raises:
        MissingExtra: Jinja is not installed. AudioError: a sound is gone.
    """
    return rendered(
        TEMPLATE,
        results=results,
        plots=[_plots(result) for result in results],
        played=[[(sentence, _played(sentence)) for sentence in to_play(result)] for result in results],
        tables=[worst_first(result)[:SHOWN] for result in results],
        measures=MEASURES,
        shown=SHOWN,
        voice=VOICE,
        natural=NATURAL,
    )


# A key of Result.summary, what it is called, its unit, and decimals. Shares are shown in percent.
MEASURES = (
    ("mcd_db", "mel-cepstral distortion", "dB", 2),
    ("f0_rmse_cents", "pitch error", "cents", 0),
    ("f0_correlation", "pitch correlation", "", 2),
    ("voicing_error", "voicing error", "%", 1),
    ("f0_hertz", "median pitch", "Hz", 0),
    ("words_a_minute", "words a minute", "", 0),
    ("characters_a_second", "characters a second", "", 1),
    ("pauses", "pauses over half a second", "%", 1),
    ("rms_dbfs", "level", "dBFS", 1),
    ("noise_floor_dbfs", "noise in pauses", "dBFS", 1),
    ("stoi", "STOI", "", 3),
    ("pesq", "PESQ", "", 2),
    ("sdr", "SDR", "dB", 1),
    ("si_sdr", "SI-SDR", "dB", 1),
    ("seconds", "sound in all", "s", 1),
)


def write(path: str | Path, results: Sequence[Result]) -> Path:
    """Writes the page, as a whole or not at all.

    Raises:
        ResonetError: the file cannot be written. MissingExtra and AudioError: as `page`.
    """
    return saved(path, page(results))


def worst_first(result: Result) -> list[Sentence]:
    """The sentences by the errors that the first judge heard in the voice; without a judge by their distortion."""

    def badness(sentence: Sentence) -> tuple[float, float]:
        sound = sentence.sounds[VOICE]
        heard = next((sound.heard[judge] for judge in result.judges if judge in sound.heard), None)
        return (heard.characters.rate if heard else 0.0, (sound.near and sound.near.mcd) or 0.0)

    return sorted(result.sentences, key=badness, reverse=True)


def to_play(result: Result) -> list[Sentence]:
    """The sentences that get players: the worst, then some spread over the rest."""
    ordered = worst_first(result)
    worst, rest = ordered[: PLAYED // 2], ordered[PLAYED // 2 :]
    return worst + rest[:: max(1, -(-len(rest) // (PLAYED - PLAYED // 2)))]


def picture(file: Path, words: Sequence[tuple[str, float, float]] = ()) -> str:
    """The spectrogram of a recording as SVG, its melody drawn over it (60 to 500 Hz, an octave a third of the height)
    and its words below where they are."""
    info = audio.info(file)
    samples = audio.read(file, info.sample_rate)[: round(sounds.LONGEST * info.sample_rate)]
    image = sounds.picture(samples, info.sample_rate)
    if not image:
        return ""
    seconds = len(samples) / info.sample_rate
    below = _BELOW if words else 0
    drawn = [f'<image href="{image}" width="{_WIDTH}" height="{_HEIGHT}" preserveAspectRatio="none"/>']
    drawn += [f'<path class="melody" d="{line}"/>' for line in _melody(samples, info.sample_rate, seconds)]
    for i, (word, start, end) in enumerate(words):
        if start >= seconds:
            break
        x, middle = (_WIDTH * t / seconds for t in (start, (start + end) / 2))
        drawn.append(f'<path class="edge" d="M{x:.1f} {_HEIGHT - 8}V{_HEIGHT + below}"/>')
        # Neighbours in two rows: short words are narrower than their letters.
        drawn.append(f'<text x="{middle:.1f}" y="{_HEIGHT + 11 + 12 * (i % 2)}">{escape(word)}</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + below}" role="img" aria-label="spectrogram">{"".join(drawn)}</svg>'


def _melody(samples: sounds.Samples, sample_rate: int, seconds: float) -> list[str]:
    """A line for each stretch with voice."""
    lines: list[list[str]] = [[]]
    for i, hertz in enumerate(pitch.track(samples, sample_rate, shift=0.01)):
        if hertz <= 0:
            lines.append([])
            continue
        height = _HEIGHT * float(pitch_height(float(hertz)))
        lines[-1].append(f"{_WIDTH * 0.01 * i / seconds:.1f} {_HEIGHT - height:.1f}")
    return ["M" + "L".join(line) for line in lines if len(line) > 1]


def pitch_height(hertz: float) -> float:
    """Where a pitch lies between the lowest (0) and the highest (1), in octaves."""
    from math import log

    return min(1.0, max(0.0, log(hertz / _LOW) / log(_HIGH / _LOW)))


def _played(sentence: Sentence) -> list[Played]:
    found = []
    for system, sound in sentence.sounds.items():
        info = audio.info(sound.file)
        samples = audio.read(sound.file, info.sample_rate)
        words = sentence.words if system == VOICE else ()
        found.append(Played(system, sounds.player(samples, info.sample_rate), picture(sound.file, words)))
    return found


def _plots(result: Result) -> list[tuple[str, str]]:
    found = []
    for judge in result.judges:
        rates = [(system, r) for system in result.systems if (r := result.rates(system, judge))]
        bounds = [(100 * r.character_interval.low, 100 * r.character_interval.high) if r.character_interval else None
                  for _, r in rates]  # fmt: skip
        values = [100 * r.characters.rate for _, r in rates]
        found.append((f"Characters that {judge} got wrong",
                      plots.bars([system for system, _ in rates], values, bounds, title="CER")))  # fmt: skip
    return found
