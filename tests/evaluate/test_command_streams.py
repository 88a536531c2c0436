"""The benchmarks of commands: streams made of the samples, and figures of tiny bundles that hear tones."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

HERE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(HERE / "benchmarks"), str(HERE / "tests" / "runtime")]

import command_streams  # noqa: E402
import heard  # noqa: E402
import peer_spotters  # noqa: E402
import small_spotters as small  # noqa: E402
import spotting as benchmark  # noqa: E402
import wake_words  # noqa: E402
from command_streams import RATE, Clip, Stream  # noqa: E402

from resonet import audio  # noqa: E402
from resonet.data.aligner import Said  # noqa: E402
from resonet.evaluate.metrics.spotting import Candidate  # noqa: E402
from resonet.runtime import Spotter  # noqa: E402

SAMPLES = HERE / "samples"
WORDS = ("low", "high")


class Aligner:
    """Every word of a recording takes as long as any other; of the recording with "gallows" nothing is known."""

    def align(self, recordings: Iterator[np.ndarray], texts: list[str]) -> Iterator[tuple[Said, ...] | None]:
        for sound, text in zip(recordings, texts, strict=False):
            words = text.split()
            each = len(sound) / RATE / len(words)
            if "gallows" in words:
                yield None
            else:
                yield tuple(Said(word, i * each, (i + 1) * each) for i, word in enumerate(words))


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Two clips of a second, a tone of 0.4 s in the middle of each."""
    found = []
    for word in WORDS:
        sound = np.concatenate([small.quiet(0.3), small.tone(small.TONES[word], 0.4), small.quiet(0.3)])
        soundfile.write(tmp_path / f"{word}.wav", sound, RATE)
        found.append(Clip(tmp_path / f"{word}.wav", word, f"speaker of {word}"))
    return found


@pytest.fixture
def stream(tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a stream of the samples: by default a clip in 5 s, for there are 47 s only."""

    def make(how: str = "added", seed: int = 0, words: tuple[str, ...] = WORDS, every: float = 5.0) -> Stream:
        monkeypatch.setattr(command_streams, "EVERY", every)
        monkeypatch.setattr(command_streams, "APART", 1.5)
        return command_streams.make(
            [SAMPLES],
            clips,
            words,
            tmp_path / f"work-{every}",
            seed,
            how,
            aligner=Aligner(),  # type: ignore[arg-type]
        )

    return make


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    with open(SAMPLES / "transcripts.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return np.concatenate([audio.read(SAMPLES / row["path"]) for row in rows])


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


def test_a_stream_without_clips_is_the_speech(stream: Any, speech: np.ndarray) -> None:
    made = stream("none")
    assert made.placed == () and made.seconds == len(speech) / RATE
    np.testing.assert_allclose(np.concatenate(list(made.blocks(7.0))), speech, atol=1e-4)
    assert [p.recording.rsplit("/", 1)[-1][:9] for p in made.pieces] == [f"english-{i}" for i in range(1, 5)]
    assert made.said_at(11.0).recording.endswith("english-2.opus")
    assert made.said_at(0.0) == made.pieces[0] and made.said_at(1e9) == made.pieces[-1]


def test_clips_lie_over_the_speech_at_seeded_places(stream: Any, speech: np.ndarray) -> None:
    made = stream()
    assert 5 <= len(made.placed) <= 9 and made.seconds == len(speech) / RATE
    assert stream().placed == made.placed  # found again
    assert stream(seed=1).placed != made.placed
    assert {p.word for p in made.placed} == set(WORDS)
    sound = np.concatenate(list(made.blocks()))
    added = sound - speech
    floor = command_streams.FLOOR
    for placed in made.placed:
        first, last = round((placed.loud_end - 0.4) * RATE), round(placed.loud_end * RATE)
        begin = first - round(0.3 * RATE)
        local = rms(speech[begin : begin + RATE])
        quietest = min(rms(speech[round(p.start * RATE) : round(p.end * RATE)]) for p in made.pieces)
        ratio = 20 * np.log10(rms(added[first:last]) / max(local, quietest * 10 ** (-floor / 20)))
        assert ratio == pytest.approx(placed.snr, abs=0.3) and 0 <= placed.snr <= 10
        assert placed.start <= placed.loud_end - 0.35 and placed.loud_end <= placed.end
    ends = [p.end for p in made.placed]
    assert all(p.start - end > 1.4 for p, end in zip(made.placed[1:], ends, strict=False))
    # Nothing else was changed.
    elsewhere = np.ones(len(speech), bool)
    for p in made.placed:
        elsewhere[round((p.loud_end - 0.75) * RATE) : round((p.loud_end + 0.35) * RATE)] = False
    assert np.abs(added[elsewhere]).max() < 1e-4


def test_clips_are_inserted_and_all_else_is_moved(stream: Any, speech: np.ndarray) -> None:
    made = stream("inserted", words=("park", "gallows"))
    assert len(made.placed) > 2
    assert made.seconds == pytest.approx((len(speech) + len(made.placed) * RATE) / RATE)
    sound = np.concatenate(list(made.blocks()))
    kept = np.ones(len(sound), bool)
    for placed in made.placed:
        begin = round((placed.loud_end - 0.7) * RATE)
        kept[begin : begin + RATE] = False
        assert np.abs(sound[begin : begin + round(0.25 * RATE)]).max() < 1e-3  # the clip's own silence
    np.testing.assert_allclose(sound[kept], speech, atol=1e-4)
    # The same speech is not scored, wherever it lies now.
    plain = stream("none", words=("park", "gallows"))
    assert [end - start for start, end in made.unscored] == pytest.approx([e - s for s, e in plain.unscored])
    for (start, _), (was, _) in zip(made.unscored, plain.unscored, strict=True):
        here, there = round(start * RATE), round(was * RATE)
        np.testing.assert_allclose(sound[here : here + RATE], speech[there : there + RATE], atol=1e-4)
        assert not any(p.start < start + 0.1 and p.end > start for p in made.placed)
    assert [p.end - p.start > 9 for p in made.pieces] == [True] * 4
    assert made.pieces[-1].end == pytest.approx(made.seconds)


def test_speech_near_a_command_is_not_scored(stream: Any) -> None:
    made = stream("added", words=("park", "gallows"))
    first, second = made.unscored
    # "park" is word 12 of 28 in 10.55 s; "gallows" cannot be aligned, so that its whole recording counts nowhere.
    each = 10.55 / 28
    assert first == pytest.approx((11 * each - 1, 12 * each + 1), abs=0.01)
    assert second == pytest.approx((10.55, 10.55 + 12.76), abs=0.02)
    told = made.as_dict()
    assert told["seconds_not_scored"] == pytest.approx(sum(end - start for start, end in made.unscored), abs=0.1)
    assert told["hours_scored"] < told["hours"]
    for placed in made.placed:
        assert all(placed.end < start or placed.start > end for start, end in made.unscored)


def test_clips_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_text(
        "path\tlabel\tspeaker\tword\na.wav\tyes\ts1\tyes\nb.wav\tunknown\ts1\tmarvin\nc.wav\tno\t-\tno\n"
    )
    found = command_streams.read_clips(tmp_path / "test.tsv", ["yes", "no"])
    assert [(c.path.name, c.word, c.speaker) for c in found] == [("a.wav", "yes", "s1"), ("c.wav", "no", "")]
    with pytest.raises(SystemExit, match="has no clip of stop"):
        command_streams.read_clips(tmp_path / "test.tsv", ["stop"])


def test_peaks_stand_apart() -> None:
    found = heard.peaks("w", [0.0, 0.5, 1.2, 1.9, 5.0], [0.3, 0.9, 0.8, 0.5, 0.1])
    # 0.9 takes 0.0 and 1.2 with it; 1.9 is far enough.
    assert [(c.time, c.score) for c in found] == [(0.5, 0.9), (1.9, 0.5), (5.0, 0.1)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    return small.classifier(tmp_path_factory.mktemp("bundle") / "tones.resonet")


def test_what_is_heard_is_what_spot_says(bundle: Path) -> None:
    spotter = Spotter.load(bundle, threads=1)
    parts = [small.quiet(2.0), small.tone(500, 0.9), small.quiet(1.5), small.tone(1500, 0.9), small.quiet(3.0)]
    sound = np.concatenate([small.hiss(1.0), *parts, *parts])
    found = heard.listen(spotter.listeners(), np.array_split(sound, 7), WORDS)
    assert found.seconds == pytest.approx(len(sound) / RATE)
    for threshold in (0.2, 0.5, 0.9):
        running = spotter.stream(threshold)
        said = [*running.push(sound), *running.finish()]
        events = [e for word in WORDS for e in found.events_of(word, threshold)]
        assert sorted((round(e.time, 3), e.word) for e in events) == [(round(e.time, 3), e.word) for e in said]
    assert [len(found.events_of(word, 0.5)) for word in WORDS] == [2, 2]
    grid = found.thresholds
    assert grid == sorted(grid) and pytest.approx(grid[0]) == 2 * heard.FLOOR and grid[-1] < 1


def test_single_detections() -> None:
    few = heard.Detections([Candidate(1.0, "yes", -3.0), Candidate(2.0, "no", 5.0), Candidate(3.0, "yes", 5.0)])
    assert few.thresholds == [-3.0, 5.0, 6.0]
    assert [e.time for e in few.events_of("yes", -3.0)] == [1.0, 3.0]
    assert [e.time for e in few.events_of("yes", 5.0)] == [3.0]
    many = heard.Detections([Candidate(float(i), "yes", float(i)) for i in range(1000)])
    assert len(many.thresholds) == heard.MOST + 1 and many.thresholds[-1] == 1000.0
    assert heard.Detections([]).thresholds == [0.0]


def test_scores_of_a_peer_that_come_row_by_row() -> None:
    rows = [0.0, 0.3, 0.9, 0.8, 0.7, 0.01, 0.6]
    told = {
        "events": [[1.25 + 0.08 * i, "alexa", score] for i, score in enumerate(rows) if score > 0.001],
        "seconds": 10.0,
        "cpu_seconds": 1.0,
    }
    found = peer_spotters.Answer(told, 0.08).heard
    assert [round(e.time, 2) for e in found.events_of("alexa", 0.5)] == [1.41]
    assert [round(e.time, 2) for e in found.events_of("alexa", 0.85)] == [1.41]
    single = peer_spotters.Answer({**told, "events": [[1.0, "a", -2.0], [1.5, "a", -1.0], [4.0, "a", -5.0]]}).heard
    assert [(e.time, e.score) for e in single.events_of("a", -9.0)] == [(1.5, -1.0), (4.0, -5.0)]


def test_figures_of_a_stream(bundle: Path, stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "WORDS", WORDS)
    test, dev = stream("inserted", seed=1), stream("inserted", seed=2)
    told = benchmark.measured(benchmark.ours(str(bundle)), dev, test, 0.5)
    assert set(told["at_equal_false_alarms"]) == {"0.1", "0.5", "1", "2", "5", "10"}
    figures = told["test"]
    assert (
        figures["words"]
        == len(test.placed)
        == figures["hits"] + round(figures["words"] * (1 - figures["recall_percent"] / 100))
    )
    low, high = figures["recall_interval_percent"]
    assert low <= figures["recall_percent"] <= high
    assert figures["false_alarms"] == len(figures["false_alarms_at"])
    assert json.dumps(told)
    assert "recall" in benchmark.in_short("tones", told)
    assert set(told["thresholds"]) == set(WORDS)
    alone = benchmark.measured(benchmark.ours(str(bundle)), None, test, 0.5)
    assert "test" not in alone and alone["at_equal_false_alarms"] == told["at_equal_false_alarms"]


def test_noise_is_as_loud_as_it_is_asked_to_be() -> None:
    sound = np.concatenate([small.quiet(0.3), small.tone(500, 0.4, 0.2), small.quiet(0.3)])
    noises = [small.hiss(0.7, 1, 0.01), small.hiss(3.0, 2, 0.3)]
    for snr in (20.0, 0.0):
        mixed = benchmark.in_noise(sound, noises, snr, np.random.default_rng(3))
        ratio = 20 * np.log10(rms(sound[round(0.3 * RATE) : round(0.7 * RATE)]) / rms(mixed - sound))
        assert ratio == pytest.approx(snr, abs=0.5)
    assert benchmark.in_noise(sound, noises, None, np.random.default_rng(3)) is sound


def test_clips_in_noise(bundle: Path, tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{c.path.name}\t{c.word}\t{c.speaker}" for c in clips]
    (tmp_path / "test.tsv").write_text("path\tlabel\tspeaker\n" + "\n".join([*rows, "none.wav\tsilence\t-"]) + "\n")
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hiss.wav", small.hiss(2.0), RATE)
    told = benchmark.run_snr(argparse.Namespace(clips=tmp_path, noise=tmp_path / "noise", bundle=[str(bundle)], seed=0))
    assert told["clips"] == 2
    assert list(told["systems"]["tones.resonet"]) == ["clean", "20 dB", "10 dB", "5 dB", "0 dB"]


def test_wake_words_by_hand(tmp_path: Path) -> None:
    clips = []
    for i, word in enumerate(["computer", "hey computer", "alexa", "a cheddar block"]):
        soundfile.write(tmp_path / f"{i}.wav", small.tone(500, 1.0), RATE)
        clips.append(Clip(tmp_path / f"{i}.wav", word))
    row = wake_words.in_a_row(clips, ["computer", "hey computer", "alexa"], tmp_path / "work")
    assert [p.start for p in row.placed] == [2.0, 5.0, 8.0, 11.0]
    assert row.seconds == 14.0 and len(row.samples()) == 14 * RATE
    speech = SimpleNamespace(placed=(), spoken=[], unscored=(), seconds=7200.0)
    found = [
        [Candidate(100.0, "computer", 0.9), Candidate(200.0, "computer", 0.5), Candidate(300.0, "alexa", 0.2)],
        [
            Candidate(2.5, "computer", 0.7),
            Candidate(5.5, "computer", 0.95),  # inside "hey computer": counts nowhere
            Candidate(8.5, "computer", 0.8),  # at "alexa": a false alarm
            Candidate(9.4, "alexa", 0.6),  # 0.4 s after the clip: a hit
            Candidate(11.5, "alexa", 0.7),  # at what is no wake word: a false alarm
            Candidate(2.5, "hey computer", 0.3),  # "computer" alone is not "hey computer"
        ],
    ]
    heard_in = [heard.Detections(own) for own in found]
    told = wake_words.table(["alexa", "computer", "hey computer"], heard_in, [speech, row], 1.0)  # type: ignore[list-item]
    # Two an hour and word are allowed in two hours: computer has 0.9, 0.8 and 0.5, so 0.7 is above the third.
    assert told["recall_percent"] == {"alexa": 100.0, "computer": 100.0, "hey computer": 0.0}
    strict = wake_words.table(["alexa", "computer"], heard_in, [speech, row], 0.5)  # type: ignore[list-item]
    assert strict["recall_percent"] == {"alexa": 100.0, "computer": 0.0}
    assert strict["recall_percent_speech_alone"] == {"alexa": 100.0, "computer": 100.0}
    assert strict["mean_recall_percent"] == 50.0


def test_wake_words_by_examples_and_text(bundle: Path, stream: Any, tmp_path: Path) -> None:
    tunes = {"boat": (1, 3, 4), "keys": (2, 5, 6)}
    dev, tested = {}, []
    for word, notes in tunes.items():
        dev[word] = []
        for i in range(5):
            said = small.said(*(small.PHONES[n] for n in notes), each=0.12 + 0.01 * i)
            sound = np.concatenate([small.hiss(0.5, i), said, small.hiss(0.5, i)])
            soundfile.write(tmp_path / f"{word}-{i}.wav", sound, RATE)
            if i < 4:
                dev[word].append(tmp_path / f"{word}-{i}.wav")
            else:
                tested.append(Clip(tmp_path / f"{word}-{i}.wav", word))
    streams = [stream("none"), wake_words.in_a_row(tested, list(tunes), tmp_path / "work")]
    options = argparse.Namespace(draws=2, seed=0, per_hour=80.0)
    told = wake_words.by_examples(str(bundle), dev, streams, options)
    assert (told["shots"], told["draws"], len(told["draws_percent"])) == (3, 2, 2)
    assert told["recall_percent"] == {"boat": 100.0, "keys": 100.0}
    # The frames that are replayed are those of the network.
    from resonet.bundle import Bundle
    from resonet.runtime.embedder import Embedder
    from resonet.runtime.examples import Examples

    with Bundle.open(bundle, kind="classifier") as opened:
        embedder = Embedder.of(opened)
        entry, _ = wake_words.enroll(opened, "boat", dev["boat"], np.random.default_rng(0))
    rows = []
    for one in (embedder, wake_words.Replayed(embedder, wake_words.frames_of(embedder, streams[1]))):
        examples = Examples(one, ["boat"], [entry.matrix], [entry.seconds])  # type: ignore[arg-type]
        rows.append(heard.listen([examples.listener()], streams[1].blocks(0.7)).tracks[0].joined())
    np.testing.assert_array_equal(rows[0][0], rows[1][0])
    np.testing.assert_allclose(rows[0][1], rows[1][1], atol=1e-6)
    recognizer = small.recognizer(tmp_path / "phones.resonet")
    found, about = wake_words.by_text(str(recognizer), list(tunes), streams)
    assert about["recognizer"] == "phones"
    assert wake_words.table(list(tunes), found, streams, 80.0)["mean_recall_percent"] == 100.0
