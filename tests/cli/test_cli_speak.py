"""`resonet speak`: words, files, lines and pipes in; files, raw PCM, subtitles and JSON out."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resonet import audio, cli
from resonet.cli import _texts, speak

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))
import small_voices as small

sys.path.pop(0)


@dataclass
class Ran:
    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.voice(tmp_path_factory.mktemp("voice") / "letters.resonet")


@pytest.fixture
def say(
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
) -> Callable[..., Ran]:
    """Runs `resonet speak` in this process and an empty folder, with the voice of letters installed."""
    home = tmp_path / "home"
    (home / "bundles").mkdir(parents=True)
    shutil.copyfile(bundle, home / "bundles" / bundle.name)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("RESONET_HOME", str(home))
    monkeypatch.delenv("RESONET_BUNDLE_VOICE", raising=False)
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)

    def run(*arguments: object) -> Ran:
        code = cli.main(["speak", *map(str, arguments)])
        out, err = capsysbinary.readouterr()
        return Ran(code, out.decode("utf-8", "replace"), err.decode(), out)

    return run


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def feed(text: str | bytes, terminal: bool = False) -> None:
        stream = io.BytesIO(text if isinstance(text, bytes) else text.encode())
        stream.isatty = lambda: terminal  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))

    return feed


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def seconds(path: str | Path) -> float:
    return audio.info(path).duration


def test_words_become_a_file_here(say: Callable[..., Ran]) -> None:
    ran = say("Hello", "world.")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"speech.wav\t{seconds('speech.wav'):.3f}\n"
    assert audio.info("speech.wav").sample_rate == small.RATE
    # A file that nobody named is not replaced; one that was named is.
    assert say("Hello.").out.startswith("speech-2.wav\t")
    assert say("Hello.", "--format", "flac").out.startswith("speech.flac\t")
    before = seconds("speech.wav")
    assert say("Hello.", "-o", "speech.wav").code == 0 and seconds("speech.wav") < before
    assert files() == ["speech-2.wav", "speech.flac", "speech.wav"]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "opus"])
def test_forms(say: Callable[..., Ran], suffix: str) -> None:
    assert say("Hello there.", "-o", f"x.{suffix}").code == 0
    say("Hello there.", "-o", "whole.wav")
    assert seconds(f"x.{suffix}") == pytest.approx(seconds("whole.wav"), abs=0.06)
    assert audio.info(f"x.{suffix}").channels == 1


def test_files(say: Callable[..., Ran]) -> None:
    Path("one.txt").write_text("\ufeffHello there.\n\nMore of it.", encoding="utf-8")
    Path("two.txt").write_text("Hello.", encoding="utf-8")
    assert say("--file", "one.txt").out.startswith("one.wav\t")
    ran = say("--file", "one.txt", "--file", "two.txt", "-o", "book", "--format", "mp3")
    assert ran.code == 0 and [line.split("\t")[0] for line in ran.out.splitlines()] == ["book/one.mp3", "book/two.mp3"]
    Path("a").mkdir()
    Path("a/one.md").write_text("Hello.", encoding="utf-8")
    say("--file", "one.txt", "--file", "a/one.md", "-o", "clash")
    assert sorted(os.listdir("clash")) == ["one.md.wav", "one.txt.wav"]


def test_standard_input(say: Callable[..., Ran], stdin: Callable[..., None]) -> None:
    stdin("Hello from a pipe.")
    assert say("-", "-o", "x.wav").code == 0 and seconds("x.wav") > 1
    stdin("Hello.")
    assert say("--file", "-").out.startswith("speech.wav\t")
    stdin("", terminal=True)
    ran = say("-")
    assert ran.code == 2 and "standard input is the terminal" in ran.err
    stdin("größe".encode("latin-1"))
    ran = say("-")
    assert ran.code == 1 and "standard input is not UTF-8 text: byte 3" in ran.err


def test_lines(say: Callable[..., Ran], stdin: Callable[..., None]) -> None:
    Path("lines.txt").write_text("Hello.\n\n  \nMore of it.\r\n🙂\nThe end.", encoding="utf-8")
    ran = say("--lines", "lines.txt", "-o", "out")
    # The third cannot be said: it is named, the others go on.
    assert ran.code == 1 and ran.err.count("resonet: ") == 1 and "lines.txt, recording 0003: " in ran.err
    assert sorted(os.listdir("out")) == ["0001.wav", "0002.wav", "0004.wav"]
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == [f"out/000{i}.wav" for i in (1, 2, 4)]
    stdin("Hello.\n\nMore.\n")
    assert say("--lines", "-", "--output", "piped/", "--format", "ogg").code == 0
    assert sorted(os.listdir("piped")) == ["0001.ogg", "0002.ogg"]


def test_json(say: Callable[..., Ran]) -> None:
    told = say("Hello there.", "--json", "--speaker", "bob").json
    assert list(told) == [
        *("file", "line", "text", "output", "duration", "voice", "speaker", "language", "words", "marks"),
    ]
    assert (told["file"], told["line"], told["text"], told["output"]) == (None, None, "Hello there.", "speech.wav")
    assert (told["voice"], told["speaker"], told["language"]) == ("letters", "bob", "eo")
    assert told["duration"] == pytest.approx(seconds("speech.wav"), abs=1e-3)
    (hello, there) = told["words"]
    assert hello["word"] == "Hello" and 0 < hello["start"] < hello["end"] < there["start"] < told["duration"]
    Path("lines.txt").write_text("Hello.\n", encoding="utf-8")
    told = say("--lines", "lines.txt", "-o", "out", "--json").json
    assert (told["output"], told["file"], told["line"]) == ("out/0001.wav", "lines.txt", 1)


def test_a_stream_is_the_file(say: Callable[..., Ran]) -> None:
    say("Hello there. And more.", "-o", "x.wav")
    ran = say("Hello there. And more.", "--stream")
    assert (ran.code, ran.err) == (0, "resonet: raw PCM, signed 16-bit little-endian, mono, 24000 Hz\n")
    pcm = np.frombuffer(ran.raw, "<i2")
    assert abs(pcm).max() > 1000
    np.testing.assert_array_equal(pcm, audio.read("x.wav", small.RATE) * 32768)
    assert say("Hello.", "--stream", "-q").err == ""
    assert files() == ["x.wav"]


def test_subtitles(say: Callable[..., Ran]) -> None:
    text = "“Hello there,” said the half-blind man. And 3 more words (or so) – to see!"
    told = say(text, "-o", "x.flac", "--subtitles", "srt", "--json").json
    srt = Path("x.srt").read_text(encoding="utf-8")
    said = " ".join(line for line in srt.splitlines() if line and "-->" not in line and not line.isdecimal())
    # With its punctuation, as written; what the voice cannot say may be missing.
    assert said.replace(" 3", "") == text.replace(" 3", "")
    first = re.search(r"(\S+) --> (\S+)", srt)
    assert first is not None and first[1] == f"00:00:00,{round(told['words'][0]['start'] * 1000):03d}"
    say("Hello.", "-o", "x.ogg", "--subtitles", "vtt")
    assert Path("x.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:00.")


def test_manner(say: Callable[..., Ran]) -> None:
    say("Hello there.", "-o", "plain.wav")
    say("Hello there.", "-o", "quick.wav", "--speed", "2")
    assert seconds("quick.wav") == pytest.approx(seconds("plain.wav") / 2, rel=0.02)
    say("Hello there.", "-o", "loud.wav", "--energy", "6", "--pitch", "-2")
    assert np.abs(audio.read("loud.wav")).max() > 1.5 * np.abs(audio.read("plain.wav")).max()
    from resonet.runtime import voice

    assert (voice.SPEEDS, voice.PITCHES, voice.ENERGIES) == (speak.SPEEDS, speak.PITCHES, speak.ENERGIES)


def test_list(say: Callable[..., Ran], bundle: Path) -> None:
    assert say("--list").out == "letters\tann\teo\nletters\tbob\teo\n"
    assert [json.loads(line) for line in say("--list", "--json", "--voice", bundle).out.splitlines()] == [
        {"voice": "letters", "speaker": "ann", "language": "eo"},
        {"voice": "letters", "speaker": "bob", "language": "eo"},
    ]
    ran = say("--list", "--voice", "lettres")
    assert ran.code == 3 and "did you mean letters?" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "no text given"),
        (["Hello.", "--file", "x.txt"], 2, "the text is given twice"),
        (["Hello.", "--output", "-"], 2, "give --stream in place of"),
        (["Hello.", "--output", "x.xyz"], 2, "x.xyz has no suffix that can be written"),
        (["Hello.", "--output", "x.wav", "--format", "mp3"], 2, "contradict each other"),
        (["Hello.", "--stream", "--output", "x.wav"], 2, "--stream writes no file"),
        (["Hello.", "--stream", "--json"], 2, "--stream and --json do not go together"),
        (["Hello.", "--stream", "--play"], 2, "--stream and --play do not go together"),
        (["Hello.", "--play", "--subtitles", "srt"], 2, "--subtitles needs --output"),
        (["--lines", "lines.txt"], 2, "several recordings need a folder"),
        (["--lines", "lines.txt", "-o", "x.wav"], 2, "one file for several recordings"),
        (["--lines", "none.txt", "-o", "out"], 1, "none.txt cannot be read: No such file"),
        (["--file", "none.txt"], 1, "none.txt cannot be read: No such file"),
        (["--file", "."], 1, "cannot be read: Is a directory"),
        (["--file", "-", "--file", "-", "-o", "out"], 2, "can be read only once"),
        (["Hello.", "--speed", "9"], 2, "9.0 is not in the range 0.25<=x<=4"),
        (["Hello.", "--speed", "nan"], 2, "the speed is nan"),
        (["Hello.", "--speaker", "anna"], 2, "letters has no speaker 'anna'\n  did you mean ann? it has ann, bob"),
        (["Hello.", "--voice", "letter"], 3, "no bundle named 'letter' is installed\n  did you mean letters?"),
        (["Hello.", "--voice", "no/such.resonet"], 3, "there is no bundle file no/such.resonet"),
        (["Hello.", "--voice", "broken.resonet"], 3, "broken.resonet is damaged"),
        (["Hello.", "--words", "none.txt"], 1, "none.txt"),
        (["Hello.", "-o", "lines.txt/x.wav"], 1, "lines.txt"),
        ([""], 1, "text is empty"),
        ([" \t "], 1, "text is empty"),
        (["..., !"], 1, "nothing"),
        (["🙂🎉"], 1, "nothing"),
    ],
)
def test_one_sentence_says_what_is_wrong(
    say: Callable[..., Ran], bundle: Path, arguments: list[str], code: int, told: str
) -> None:
    Path("lines.txt").write_text("Hello.\n\nThere.\n", encoding="utf-8")
    Path("x.txt").write_text("Hello.", encoding="utf-8")
    Path("broken.resonet").write_bytes(bundle.read_bytes()[:-200] + bytes(200))
    before = files()
    ran = say(*arguments)
    assert ran.code == code, ran.err
    assert told in ran.err and ran.err.count("resonet: ") == 1 and "Traceback" not in ran.err
    assert (ran.out, files()) == ("", before)


def test_several_voices(say: Callable[..., Ran], bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ["RESONET_HOME"]) / "bundles"
    small.voice(home / "others.resonet", speakers={"eva": "eo"})
    ran = say("Hello.")
    assert ran.code == 3 and "several voice bundles are installed: letters, others" in ran.err
    assert "RESONET_BUNDLE_VOICE" in ran.err
    monkeypatch.setenv("RESONET_BUNDLE_VOICE", "others")
    assert say("Hello.", "--json").json["speaker"] == "eva"
    for path in home.iterdir():
        path.unlink()
    monkeypatch.delenv("RESONET_BUNDLE_VOICE")
    ran = say("Hello.")
    assert ran.code == 3 and "no voice bundle is installed" in ran.err


class PortAudioError(Exception):
    """As sounddevice names it."""


def loudspeaker(heard: list[np.ndarray], rate: int = 24000, fails: bool = False) -> ModuleType:
    """A sounddevice that keeps what it is to play."""

    class OutputStream:
        def __init__(self, samplerate: int, channels: int, dtype: str) -> None:
            if fails:
                raise PortAudioError("Error querying device -1\nmore")
            assert (samplerate, channels, dtype) == (rate, 1, "float32")

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def abort(self) -> None: ...

        def close(self) -> None: ...

        def write(self, samples: np.ndarray) -> None:
            assert samples.dtype == np.float32 and samples.shape[1:] == (1,)
            heard.append(samples[:, 0])

    def check_output_settings(samplerate: int, channels: int, dtype: str) -> None:
        if samplerate != rate and not fails:
            raise PortAudioError("Invalid sample rate")

    made: Any = ModuleType("sounddevice")
    made.PortAudioError, made.OutputStream, made.check_output_settings = (
        PortAudioError,
        OutputStream,
        check_output_settings,
    )
    made.query_devices = lambda kind: {"default_samplerate": float(rate)}
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("rate", [24000, 48000])
def test_play(say: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    heard: list[np.ndarray] = []
    monkeypatch.setitem(sys.modules, "sounddevice", loudspeaker(heard, rate))
    ran = say("Hello there.", "--play")
    assert (ran.code, ran.out, ran.err, files()) == (0, "", "", [])
    played = np.concatenate(heard)
    ran = say("Hello there.", "--play", "-o", "x.wav")
    assert ran.out.startswith("x.wav\t") and len(played) == pytest.approx(seconds("x.wav") * rate, abs=2)
    np.testing.assert_allclose(played[: rate // 2], audio.read("x.wav", rate)[: rate // 2], atol=2e-3)


def test_no_loudspeaker(say: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", loudspeaker([], fails=True))
    ran = say("Hello.", "--play")
    assert ran.code == 1 and "the loudspeaker cannot be opened: Error querying device -1" in ran.err
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    ran = say("Hello.", "--play")
    assert ran.code == 4 and "pip install 'resonet[microphone]'" in ran.err


def test_a_megabyte_of_text(say: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is begun at once and stopped early here: nothing reads or holds all of it first."""
    Path("book.txt").write_text("It was the best of times. " * 40_000, encoding="utf-8")
    pushed = 0

    def stop(samples: np.ndarray) -> None:
        nonlocal pushed
        pushed += len(samples)
        if pushed > 100_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(speak, "_to_stdout", stop)
    began = time.monotonic()
    assert say("--file", "book.txt", "--stream").code == 130
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: signal.Signals, say: Callable[..., Ran], bundle: Path) -> None:
    """Ctrl-C in a long list, or a supervisor that ends it: what was finished is whole, nothing half is left."""
    Path("lines.txt").write_text("Hello there, all of you.\n" * 5000, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "resonet", "speak", "--lines", "lines.txt", "-o", "out", "--voice", str(bundle)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background is started without it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(3)]
    process.send_signal(number)
    rest, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    told += rest.splitlines(keepends=True)
    made = sorted(path.name for path in Path("out").iterdir())
    assert len(told) <= len(made) <= len(told) + 1 < 5000 and all(name.endswith(".wav") for name in made)
    assert all(seconds(Path("out", name)) > 1 for name in made)


def test_lines_of_a_pipe_are_spoken_as_they_come(say: Callable[..., Ran], bundle: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "resonet", "speak", "--lines", "-", "--stream", "--voice", str(bundle)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None and process.stdout is not None
    timer = threading.Timer(60, process.kill)
    timer.start()
    process.stdin.write(b"Hello.\n")
    process.stdin.flush()
    assert len(process.stdout.read(8000)) == 8000  # while the pipe is still open
    process.stdin.write(b"More.\n")
    process.stdin.close()
    assert len(process.stdout.read()) > 20000
    assert process.wait() == 0
    timer.cancel()


def at(text: str, *spans: tuple[int, int]) -> Any:
    """Words of a text, half a second each, one a second."""
    return [SimpleNamespace(text=text[a:b], start=i, end=i + 0.5, characters=(a, b)) for i, (a, b) in enumerate(spans)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one, two. three", ["one,", "two.", "three"]),
        ("(one) – “two”: three!", ["(one) –", "“two”:", "three!"]),
        ("half-past one", ["half-past", "one"]),
        ("你好，世界。再见", ["你好，世界。再见"]),
        ("one", ["one"]),
        (" one ... ", ["one"]),
    ],
)
def test_punctuation_as_written(text: str, expected: list[str]) -> None:
    spans = [match.span() for match in re.finditer(r"[a-z]+|[\u4e00-\u9fff]{2}", text)]
    found = _texts.as_written(at(text, *spans), text)
    assert [word.word for word in found] == expected
    assert (found[0].start, found[-1].end) == (0, len(spans) - 0.5)


def test_a_word_in_two_pieces_is_written_once() -> None:
    text = "endless! end."
    for spans in ([(0, 4), (4, 7), (9, 12)], [(0, 7), (0, 7), (9, 12)]):
        found = _texts.as_written(at(text, *spans), text)
        assert [(word.word, word.start, word.end) for word in found] == [("endless!", 0, 1.5), ("end.", 2, 2.5)]


def test_ssml_is_recognized() -> None:
    assert _texts.is_ssml("<speak>a</speak>") and _texts.is_ssml('\ufeff\n<?xml version="1.0"?>\n<speak version="1.1">')
    assert _texts.is_ssml(BOMB) and not _texts.is_ssml("<!-- no speech -->")
    assert not _texts.is_ssml("speak") and not _texts.is_ssml("a <speak>") and not _texts.is_ssml("<?xml?><html>")


SSML = """<?xml version="1.0"?>
<speak>Hello <mark name="here"/><sub alias="big world">w.</sub>, <break time="700ms"/> &amp;c.
<voice name="bob">No<mark name="end"/></voice></speak>"""


def test_ssml(say: Callable[..., Ran]) -> None:
    told = say(SSML, "-o", "x.wav", "--json", "--subtitles", "srt").json
    (hello, world, *_, no) = told["words"]
    assert (hello["word"], world["word"], no["word"]) == ("Hello", "w.", "No")
    assert world["end"] - world["start"] > 1.2 * (hello["end"] - hello["start"])
    assert [mark["name"] for mark in told["marks"]] == ["here", "end"]
    here, end = (mark["time"] for mark in told["marks"])
    assert hello["end"] <= here <= world["start"] and no["end"] <= end <= told["duration"]
    srt = Path("x.srt").read_text(encoding="utf-8")
    assert "Hello w.," in srt and "&c." in srt and "<" not in srt.replace("-->", "")
    Path("s.xml").write_text(SSML, encoding="utf-8")
    assert say("--file", "s.xml", "--json").json["marks"] == told["marks"]


BOMB = """<!DOCTYPE speak [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><speak>&c;</speak>"""


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("<speak>Hello", "SSML line 1, column 13"),
        ("<speak>\n <p>Hello</s></speak>", "SSML line 2, column 12"),
        (BOMB, "SSML line 1, column"),
        ('<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak>Hello</speak>', "SSML line 1, column"),
        ("<speak></speak>", "text is empty"),
        ('<speak><voice name="anna">Hello</voice></speak>', "did you mean ann?"),
        ('<speak><break time="1 year"/>Hello</speak>', "is no time"),
    ],
)
def test_faulty_ssml(say: Callable[..., Ran], document: str, told: str) -> None:
    ran = say("--ssml", "--", document)
    assert ran.code in (1, 2) and ran.out == "" and files() == []
    assert told in ran.err and ran.err.count("resonet: ") == 1, ran.err


def test_words_of_the_user(say: Callable[..., Ran]) -> None:
    Path("mine.txt").write_text("; no remark  a\n# a remark\nqxz\tk w\nGIF  jiff jiff\n", encoding="utf-8")

    def length(text: str) -> float:
        (word,) = say(text, "--words", "mine.txt", "--json", "-o", "x.wav").json["words"]
        return round((word["end"] - word["start"]) * small.RATE / small.HOP)

    assert length("Qxz") == 2 * small.FRAMES
    assert length("gif") >= 8 * small.FRAMES
    Path("mine.txt").write_text("qxz\n", encoding="utf-8")
    ran = say("qxz", "--words", "mine.txt")
    assert ran.code == 1 and "line 1 of the lexicon mine.txt says nothing of how 'qxz' is read" in ran.err
    Path("mine.txt").write_text("qxz  K WAX1 Z\n", encoding="utf-8")
    ran = say("qxz", "--words", "mine.txt")
    assert ran.code == 1 and "which is no unit of this voice" in ran.err
    Path("mine.txt").write_bytes(b"\xff")
    ran = say("qxz", "--words", "mine.txt")
    assert ran.code == 1 and "mine.txt is not UTF-8 text" in ran.err


def test_what_is_read_otherwise_is_told(say: Callable[..., Ran]) -> None:
    ran = say("Hello, 世界.")
    assert ran.code == 0 and ran.err.startswith("resonet: ") and "世" in ran.err
    ran = say("世界")
    assert ran.code == 1 and "世 界" in ran.err
