"""The part of `resonet evaluate` that scores voices: `--task synthesize`."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from resonet.bundle import Found
    from resonet.evaluate.references import Reference
    from resonet.evaluate.synthesis_result import Result

# What is read otherwise than it is written; words alone are heard as they stand.
_MORE_THAN_WORDS = re.compile(r"[0-9%&@$€£§+=#°/]|\b[A-Z]{2,}\b")


def evaluate(
    voices: Sequence[str],
    judges: Sequence[str],
    references: Sequence[Reference],
    *,
    data: str,
    speaker: str | None,
    sounds: str | None,
    page: str | None,
    as_json: bool,
    sentences: bool,
    threads: int | None,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] | None,
) -> bool:
    """Scores every voice, tells it, and says whether all could be spoken, read and judged."""
    from resonet.evaluate import synthesis, synthesis_report
    from resonet.evaluate.judges import judge
    from resonet.evaluate.sounds import Copier
    from resonet.runtime.voice import Voice

    asked = [judge(named, threads) for named in judges]
    results = []
    with nullcontext(sounds) if sounds else tempfile.TemporaryDirectory(prefix="resonet-") as folder:
        for number, found in enumerate(_voices(voices)):
            begin = time.perf_counter()
            voice = Voice.load(found.path, threads=threads)
            seconds = time.perf_counter() - begin
            result = synthesis.score(
                voice,
                references,
                asked,
                folder=Path(folder) / (found.name if number == 0 else f"{found.name}-{number + 1}"),
                name=found.name,
                data=data,
                speaker=speaker,
                copy=Copier(found.path, threads) if any(r.path.name for r in references) else None,
                spoken=_Expands(voice.manifest.units),
                load_seconds=seconds,
                progress=progress,
            )
            results.append(result)
            for what, reason in result.failures:
                click.echo(f"resonet: {what}: {reason}", err=True)
        for result in results:
            click.echo(json.dumps(result.as_dict(sentences), ensure_ascii=False) if as_json else told_in_text(result))
        if page:
            synthesis_report.write(page, results)
    return not any(result.failures for result in results)


def told_in_text(result: Result) -> str:
    """The result as a person reads it in a terminal."""
    from statistics import median

    from resonet.evaluate.synthesis_result import NATURAL, VOICE

    lines = [f"{result.name} on {result.data}: {len(result.sentences)} sentences, "
             f"{result.summary(VOICE)['seconds']:.1f} s of speech"]  # fmt: skip
    for judge in result.judges:
        lines.append(f"  heard by {judge}")
        for system in result.systems:
            if r := result.rates(system, judge):
                beside = result.beside_natural(judge, system) if system != NATURAL else None
                gap = f", {100 * beside[1].difference:+.2f} points CER beside natural" if beside else ""
                lines.append(
                    f"    {system:<8} CER {100 * r.characters.rate:6.2f} %{_bounds(r.character_interval)}, "
                    f"WER {100 * r.words.rate:6.2f} %{_bounds(r.word_interval)}{gap}"
                )
    for system in result.systems:
        if told := _measures(result.summary(system)):
            lines.append(f"  {system:<12} {told}")
    speed = result.speed
    first = f", first sound after {1000 * median(result.first_audio):.0f} ms" if result.first_audio else ""
    lines.append(
        f"  speed        real-time factor {speed.real_time_factor:.4f}, {speed.cpu_per_audio_second:.4f} CPU s an "
        f"audio s, peak {speed.peak_mb:.0f} MB{first}"
    )
    return "\n".join([*lines, *(f"  {note}" for note in result.notes)])


def _measures(found: dict[str, float | None]) -> str:
    shown = (
        ("mcd_db", "MCD {:.2f} dB"),
        ("f0_rmse_cents", "pitch {:.0f} cents off"),
        ("stoi", "STOI {:.3f}"),
        ("pesq", "PESQ {:.2f}"),
        ("si_sdr", "SI-SDR {:.1f} dB"),
        ("words_a_minute", "{:.0f} words a minute"),
        ("f0_hertz", "{:.0f} Hz"),
        ("rms_dbfs", "level {:.1f} dBFS"),
        ("noise_floor_dbfs", "pauses {:.1f} dBFS"),
    )
    values = ((form, found[key]) for key, form in shown)
    return ", ".join(form.format(value) for form, value in values if value is not None)


class _Expands:
    """The words that are heard of a text that holds more than words, by the front end of the voice's language. One
    judge of two voices hears the same text, so that a misreading counts as an error only where a reference says so."""

    def __init__(self, units: Any) -> None:
        self._symbols: Sequence[str] = units.symbols if units else ()
        self._made: dict[str, Any] = {}

    def __call__(self, text: str, language: str) -> str:
        if not _MORE_THAN_WORDS.search(text):
            return text
        if language not in self._made:
            from resonet.text.frontend import FrontEnd

            self._made[language] = FrontEnd(language, self._symbols)
        return str(self._made[language].expand(text))


def _voices(names: Sequence[str]) -> list[Found]:
    from resonet.bundle import choose, find

    return [find(name, "voice") for name in names] or [choose("voice")]


def _bounds(interval: Any) -> str:
    return f" ({100 * interval.low:.2f} to {100 * interval.high:.2f})" if interval else ""
