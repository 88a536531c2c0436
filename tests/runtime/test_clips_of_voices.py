"""Clips that voices speak: what is in them and around them, what only sounds like them, and folders begun before."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

small = pytest.importorskip("small_voices", reason="onnx is not installed", exc_type=ImportError)

from resonet import audio  # noqa: E402
from resonet.errors import BundleError, DataError, ResonetError, UsageError  # noqa: E402
from resonet.runtime import Voice, clip_record, clips, phrases  # noqa: E402
from resonet.runtime.alike import Alikes, Sounds, Words  # noqa: E402
from resonet.runtime.surroundings import RATE, Surroundings  # noqa: E402
from resonet.text.lexicon import Lexicon  # noqa: E402

PHRASES = ["lumo on", "lumo for"]
FOUR = {"ann": "eo", "bob": "eo", "cai": "eo", "dee": "eo"}


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.voice(tmp_path_factory.mktemp("voice") / "letters.resonet", speakers=FOUR)


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RESONET_BUNDLE_VOICE", raising=False)
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)


@pytest.fixture
def make(voice: Path, tmp_path: Path) -> Callable[..., clips.Made]:
    def make(wanted: list[str] = PHRASES, **how: Any) -> clips.Made:
        how = {"count": 10, "threads": 1, "voices": [voice], **how}
        return clips.make(how.pop("out", tmp_path / "out"), wanted, **how)

    return make


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.flac")}


def spectrum(samples: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 15))


# Folders of clips.


def test_a_folder_of_folders(make: Callable[..., clips.Made]) -> None:
    made = make()
    assert made.clips == {"lumo on": 10, "lumo for": 10, "unknown": 10} and made.new == 30
    record = clip_record.read(made.folder)
    assert record is not None
    assert set(files(made.folder)) == {clip.file for clip in record.clips}
    assert {clip.label: clip.kind for clip in record.clips[:20]} == dict.fromkeys(PHRASES, "phrase")
    for clip in record.clips:
        assert 0.8 <= clip.speed <= 1.25 and abs(clip.pitch) <= 3 and -6 <= clip.energy <= 3
        said = clip.text.rstrip(".!?")
        assert said == clip.label if clip.label != "unknown" else not any(phrase in said for phrase in PHRASES)
        sound = audio.read(made.folder / clip.file)
        assert audio.info(made.folder / clip.file).sample_rate == RATE
        # So many letters and a space of so many frames, and 0.25 to 0.7 s around them.
        letters = small.FRAMES * len(said.replace(" ", "")) + small.STOP * said.count(" ")
        words = letters * small.HOP / small.RATE / clip.speed
        assert words + 0.2 < len(sound) / RATE < 1.1 * words + 0.75
        assert 0.001 < np.abs(sound).max() <= 0.96
    # Nobody's sound is like another's.
    assert len(set(files(made.folder).values())) == 30


def test_the_words_sound_and_are_not_cut(make: Callable[..., clips.Made]) -> None:
    made = make(["lumo"], count=4)
    record = clip_record.read(made.folder)
    assert record is not None
    for clip in record.clips[:4]:
        sound = audio.read(made.folder / clip.file)
        power = np.square(sound[: len(sound) // 160 * 160]).reshape(-1, 160).mean(1)
        loud = np.flatnonzero(power > power.max() / 30) / 100
        assert 0.08 < loud[0] < 0.4 and 0.1 < len(sound) / RATE - loud[-1] < 0.45
        # A second speaker has every tone 20 bands higher, a semitone is a band: the tone of l, m and o is there.
        shift = round(clip.pitch) + 20 * list(FOUR).index(clip.speaker)
        found = spectrum(sound)
        for letter in "lmo":
            hertz = small.STEP * (3 + (small.band(letter) + shift) % small.MELS)
            if hertz < 7000:
                place = round(hertz / RATE * (1 << 15))
                assert found[place - 20 : place + 20].max() > 30 * np.median(found)


def test_dev_is_of_speakers_whom_training_does_not_hear(make: Callable[..., clips.Made]) -> None:
    made = make(count=16)
    record = clip_record.read(made.folder)
    assert record is not None
    (held,) = made.held_out
    for label in (*PHRASES, "unknown"):
        of_label = [clip for clip in record.clips if clip.label == label]
        assert {clip.speaker for clip in of_label if clip.split == "dev"} == {held.partition("/")[2]}
        heard = [clip.speaker for clip in of_label if clip.split == "train"]
        assert set(heard) == set(FOUR) - {held.partition("/")[2]}
        assert max(map(heard.count, set(heard))) <= 7  # all in turn
    listed = (made.folder / "validation_list.txt").read_text(encoding="utf-8").splitlines()
    assert listed == [clip.file for clip in record.clips if clip.split == "dev"] and len(listed) == 6


def test_two_speakers_are_both_heard_in_training(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    voice = small.voice(tmp_path / "two.resonet")
    made = make(voices=[voice])
    record = clip_record.read(made.folder)
    assert record is not None and made.held_out == () and made.speakers == ("two/ann", "two/bob")
    assert {clip.speaker for clip in record.clips if clip.split == "train"} == {"ann", "bob"}
    assert any(clip.split == "dev" for clip in record.clips)


def test_clips_depend_on_seed_label_and_number_alone(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    first = files(make().folder)
    assert files(make(out=tmp_path / "again").folder) == first
    more = files(make([*PHRASES, "halt"], count=14, out=tmp_path / "more").folder)
    assert all(more[name] == sound for name, sound in first.items() if not name.startswith("unknown"))
    other = files(make(seed=1, out=tmp_path / "other").folder)
    assert all(other[name] != sound for name, sound in first.items())


def test_what_was_begun_is_gone_on_with(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    whole = files(make(out=tmp_path / "whole").folder)

    def stopped(todo: Any, total: int) -> Any:
        assert total == 30
        yield from itertools.islice(todo, 7)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(progress=stopped)
    out = tmp_path / "out"
    begun = files(out)
    assert len(begun) == 7 and not list(out.rglob("*.part"))
    assert clips.finished(out, PHRASES, 10) is None
    kept = {name: (out / name).stat().st_mtime_ns for name in begun}
    made = make()
    assert made.new == 23 and files(out) == whole
    assert all((out / name).stat().st_mtime_ns == time for name, time in kept.items())
    again = make()
    assert again.new == 0 and clips.finished(out, PHRASES, 10) == again
    assert clips.finished(out, [*PHRASES, "halt"], 10) is None and clips.finished(out, PHRASES, 11) is None


def test_more_clips_and_phrases(make: Callable[..., clips.Made]) -> None:
    first = make()
    before = files(first.folder)
    more = make(count=12)
    assert more.clips == {"lumo on": 12, "lumo for": 12, "unknown": 12}
    assert make(count=3).clips == more.clips
    # What sounded like a phrase becomes one: it must not stay among the others.
    record = clip_record.read(first.folder)
    assert record is not None
    alike = next(clip.text.rstrip(".!?") for clip in record.clips if clip.kind == "swapped")
    make([*PHRASES, alike])
    record = clip_record.read(first.folder)
    assert record is not None and record.phrases == (*PHRASES, alike)
    assert not any(alike in clip.text for clip in record.clips if clip.label == "unknown")
    after = files(first.folder)
    assert all(after[name] == sound for name, sound in before.items() if not name.startswith("unknown"))
    assert set(after) == {clip.file for clip in record.clips}


def test_the_record_names_voices_and_licences(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    import hashlib

    path = small.voice(tmp_path / "cc.resonet")
    made = make(voices=[path], seed=5)
    told = json.loads((made.folder / "clips.json").read_text(encoding="utf-8"))
    assert told["format"] == [1, 0] and told["phrases"] == PHRASES and told["count"] == 10
    (of_voice,) = told["settings"]["voices"]
    assert of_voice["name"] == "cc" and of_voice["speakers"] == ["ann", "bob"] and of_voice["licence"] == []
    assert of_voice["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["settings"]["seed"] == 5 and told["settings"]["language"] == "eo" and told["resonet"]
    assert str(tmp_path) not in json.dumps(told)


def test_noise_and_rooms(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, sound in (("noise/hum", 0.1 * rng.normal(size=RATE)), ("rooms/hall", np.exp(-np.arange(8000) / 900))):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir()
        audio.write(path, (sound * rng.normal(size=len(sound)) * 0.3).astype(np.float32), RATE)

    def quiet(made: clips.Made) -> list[float]:
        """How far the first 50 ms of every clip lie below its loudest."""
        sounds = [audio.read(made.folder / file) for file in sorted(files(made.folder))]
        return [20 * np.log10(np.sqrt(np.mean(s[:800] ** 2)) / np.abs(s).max() + 1e-9) for s in sounds]

    plain = make(["lumo"], out=tmp_path / "plain")
    noisy = make(["lumo"], noise=tmp_path / "noise", out=tmp_path / "noisy")
    wet = make(["lumo"], rooms=tmp_path / "rooms", out=tmp_path / "wet")
    assert np.median(quiet(noisy)) > np.median(quiet(plain)) + 10
    assert max(quiet(noisy)) < -3
    assert sum(files(wet.folder)[name] != sound for name, sound in files(plain.folder).items()) >= 4
    record = clip_record.read(noisy.folder)
    assert record is not None and record.settings.noise == "noise (1 recordings)"
    with pytest.raises(UsageError, match="was begun with other noise: none, and now noise"):
        make(["lumo"], noise=tmp_path / "noise", out=tmp_path / "plain")
    with pytest.raises(ResonetError, match="holds no recording"):
        (tmp_path / "empty").mkdir()
        make(noise=tmp_path / "empty", out=tmp_path / "no")


def test_surroundings_keep_length_and_level() -> None:
    around = Surroundings()
    speech = np.zeros(RATE, np.float32)
    speech[4000:9000] = np.sin(np.arange(5000) * 0.3) * 0.01
    levels = []
    for seed in range(50):
        sound = around(speech, slice(4000, 9000), np.random.default_rng(seed))
        assert len(sound) == RATE and sound.dtype == np.float32
        levels.append(20 * np.log10(np.sqrt(np.mean(sound[4000:9000] ** 2))))
        assert -70 < 20 * np.log10(np.sqrt(np.mean(sound[:4000] ** 2))) - levels[-1] < -38
    assert -36.1 < min(levels) < -26 and -18 < max(levels) < -11.9
    assert not np.any(around(np.zeros(100, np.float32), slice(0, 0), np.random.default_rng(0)))


# Voices and languages.


def test_units_of_words(voice: Path) -> None:
    loaded = Voice.load(voice, threads=1)
    assert loaded.units("Lumo, on! Li") == (tuple("lumo"), tuple("on"), tuple("li"))
    with pytest.raises(DataError):
        loaded.units("🙂")
    with pytest.raises(UsageError, match="no speaker 'eve'"):
        loaded.units("lumo", "eve")


def test_voices_by_language(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    home = tmp_path / "home" / "bundles"
    home.mkdir(parents=True)
    small.voice(home / "here.resonet", speakers={"ann": "eo", "rex": "la"})
    small.voice(home / "there.resonet", speakers={"leo": "la"})
    with pytest.raises(UsageError, match="the voices speak eo and la"):
        make(voices=[])
    assert make(voices=[], language="la", out=tmp_path / "la").speakers == ("here/rex", "there/leo")
    assert make(voices=[], language="EO", out=tmp_path / "eo").speakers == ("here/ann",)
    with pytest.raises(UsageError, match="nobody of there speaks eo"):
        make(voices=["here", "there"], language="eo")
    with pytest.raises(UsageError, match="speaks fr"):
        make(voices=[], language="fr")
    with pytest.raises(UsageError, match="was begun with other voices: here"):
        make(voices=["there"], language="la", out=tmp_path / "la")


def test_no_voice(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no voice bundle is installed"):
        make(voices=[])
    with pytest.raises(BundleError, match="no bundle named 'lettters'"):
        make(voices=["lettters"])
    assert not (tmp_path / "out").exists()


# Phrases.


def test_phrases_are_read(tmp_path: Path) -> None:
    assert phrases.read(" lights  on,lights off") == ["lights on", "lights off"]
    file = tmp_path / "mine.txt"
    file.write_text("\ufefflights on\n\n  stop , go\r\n", encoding="utf-8")
    assert phrases.read(str(file)) == phrases.read(file) == ["lights on", "stop", "go"]
    for text, told in (("", "there is no phrase"), (" , ", "there is no phrase"), ("a,,b", "empty phrase after 'a'")):
        with pytest.raises(UsageError, match=told):
            phrases.read(text)
    with pytest.raises(UsageError, match="empty phrase before 'b'"):
        phrases.read(",b")
    with pytest.raises(DataError, match=r"none\.txt cannot be read: No such file"):
        phrases.read("none.txt")
    file.write_bytes(b"gr\xfcn")
    with pytest.raises(DataError, match="are not UTF-8 text: byte 3"):
        phrases.read(file)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ([], "there is no phrase"),
        (["stop", " "], "a phrase is empty"),
        (["Unknown"], "is the label of what is none of the phrases"),
        (["on/off"], "leave '/' out"),
        (["../up"], "cannot be the name of a folder"),
        (["stop."], "without the full stop"),
        (["a\u200bb"], "not to be seen"),
        (["a" * 101], "has 101 characters"),
        ([str(i) for i in range(1001)], "there are 1001 phrases"),
    ],
)
def test_phrases_that_cannot_be_labels(wanted: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        phrases.checked(wanted)
    assert told in str(caught.value)


def test_phrases_that_cannot_be_spoken(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'Lumo' and 'lumo' sound the same"):
        make(["Lumo", "lumo"])
    with pytest.raises(DataError, match="'lumo, on' and 'lumo on' sound the same"):
        make(["lumo, on", "lumo on"])
    with pytest.raises(DataError, match=r"the phrase '世界' cannot be said: .*世 界"):
        make(["lumo", "世界"])
    assert make(["lumo", "lumo "]).clips["lumo"] == 10


# Folders that cannot be.


def test_folders_that_are_refused(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="file is a file, where a folder is to be written"):
        make(out=tmp_path / "file")
    with pytest.raises(ResonetError, match="cannot be written: Not a directory"):
        make(out=tmp_path / "file" / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "song.wav").write_text("x")
    with pytest.raises(UsageError, match="mine holds other files"):
        make(out=tmp_path / "mine")
    make()
    with pytest.raises(UsageError, match="was begun with other seed: 0, and now 2"):
        make(seed=2)
    with pytest.raises(UsageError, match="out holds clips of 'lumo for', which is not asked for"):
        make(["lumo on"])
    with pytest.raises(UsageError, match="0 clips"):
        make(count=0, out=tmp_path / "no")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["clips"][0].update(file="../../0001.flac"),
        lambda told: told["clips"][0].update(file=".a/0001.flac"),
        lambda told: told["clips"][0].update(file="a/b/0001.flac"),
        lambda told: told.update(clips=3),
        lambda told: told.pop("settings"),
        lambda told: told.update(format=[2, 0]),
        lambda told: told.update(format="x"),
    ],
)
def test_a_damaged_record(make: Callable[..., clips.Made], change: Callable[[dict], Any]) -> None:
    path = make(["lumo"], count=1).folder / "clips.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DataError, match=r"clips\.json (is damaged|has format 2)"):
        make(["lumo"])
    path.write_bytes(b"\xff[[")
    with pytest.raises(DataError, match="is damaged"):
        make(["lumo"])


# What sounds like a phrase.

LEXICON = Lexicon.read_text(
    [
        "lights  L AY T S", "nights  N AY T S", "knights  N AY T S", "rights  R AY T S", "light  L AY T",
        "on  AA N", "on  AO N", "in  IH N", "an  AE N", "onto  AA N T UW", "gone  G AO N", "off  AO F", "of  AH V",
        "stop  S T AA P", "step  S T EH P", "top  T AA P", "stopped  S T AA P T", "write  R AY T", "right  R AY T",
        "computer  K AH M P Y UW T ER", "compute  K AH M P Y UW T", "commuter  K AH M Y UW T ER", "x  EH K S",
        "banana  B AH N AE N AH", "elephant  EH L AH F AH N T",
    ]
)  # fmt: skip


def says(text: str) -> list[tuple[str, ...]]:
    return [LEXICON.pronunciations(word)[0] if word in LEXICON else () for word in text.lower().split()]


def alikes(*wanted: str, seed: int = 0) -> dict[str, str]:
    return {alike.text: alike.kind for alike in Alikes(wanted, Sounds([says], LEXICON), seed).found}


def test_alikes_of_two_phrases() -> None:
    found = alikes("lights on", "lights off")
    near = {text for text, kind in found.items() if kind == "near"}
    assert {"rights on", "light on", "lights in", "lights an", "lights gone"} <= near
    assert len({"nights on", "knights on"} & near) == 1  # they are the same sound
    assert found["on lights"] == "swapped" and found["lights"] == found["on"] == found["off"] == "part"
    # These hold a phrase, or sound like one.
    assert not {"lights onto", "lights on", "lights off"} & found.keys()


def test_alikes_of_single_words() -> None:
    found = alikes("stop", "on")
    assert found["step"] == found["top"] == "near" and found["in"] == "near"
    assert "stopped" not in found and "gone" not in found and "onto" not in found
    assert alikes("computer") == {"commuter": "near", "compute": "near"}
    assert "right" not in alikes("write")


def test_swapped_words() -> None:
    found = alikes("lights computer", "stop banana")
    assert {text for text, kind in found.items() if kind == "swapped"} == {
        *("computer lights", "banana stop", "stop computer", "lights banana"),
    }


def test_words_by_their_distance() -> None:
    words = Words(LEXICON)
    assert words.near(("S", "T", "AA", "P"), 1) == [(1, "step"), (1, "stopped"), (1, "top")]
    assert words.near(("Q",), 0) == [] and "x" not in {word for _, word in words.near(("EH", "K"), 3)}
    assert words.inside(("S", "T", "AA", "P")) == ["top"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_distances_are_levenshtein_s(spelled: list[list[str]], data: st.DataObject) -> None:
    lexicon = Lexicon(("a", "b", "c"))
    for row in spelled:
        lexicon.add("a" + "".join(row), row)
    target = data.draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=5))
    most = data.draw(st.integers(1, 4))

    def distance(one: list[str], two: list[str]) -> int:
        row = list(range(len(two) + 1))
        for i, a in enumerate(one, 1):
            row, above = [i], row
            for j, b in enumerate(two, 1):
                row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (a != b)))
        return row[-1]

    expected = sorted({(distance(target, row), "a" + "".join(row)) for row in spelled})
    assert Words(lexicon).near(target, most) == [entry for entry in expected if 0 < entry[0] <= most]


WORDS = st.sampled_from(list(LEXICON))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4, unique=True))
def test_no_alike_holds_a_phrase(wanted: list[str]) -> None:
    try:
        found = Alikes(wanted, Sounds([says], LEXICON), 3)
    except DataError as error:
        assert "sound the same" in error.message
        return
    rng = np.random.default_rng(0)
    texts = [alike.text for alike in found.found]
    texts += [other.text for _ in range(5) if (other := found.other(rng)) is not None]
    assert texts == list(dict.fromkeys(texts[: len(found.found)])) + texts[len(found.found) :]
    merged = {"AO": "AA"}
    for text in texts:
        row = [merged.get(phone, phone) for word in says(text) for phone in word]
        for phrase in wanted:
            assert phrase not in text.split() and f" {phrase} " not in f" {text} "
            of_phrase = [merged.get(phone, phone) for word in says(phrase) for phone in word]
            assert all(row[i : i + len(of_phrase)] != of_phrase for i in range(len(row)))


def test_a_voice_and_a_lexicon_agree_on_phones() -> None:
    def with_stress(text: str) -> list[tuple[str, ...]]:
        return [tuple(phone + "1" if phone in ("AA", "AO", "AY") else phone for phone in word) for word in says(text)]

    sounds = Sounds([with_stress, says], LEXICON)
    assert sounds.first("lights on") == {" L AY T S AA N "} == set(sounds.ways("lights on"))  # dawn is like don
    assert sounds.phones("stop") == [("S", "T", "AA", "P")]
    with pytest.raises(DataError, match="'right' and 'write' sound the same"):
        Alikes(["right", "write"], Sounds([with_stress], None))


def test_without_a_lexicon_letters_are_changed() -> None:
    def spells(text: str) -> list[tuple[str, ...]]:
        return [tuple(word) for word in text.lower().split()]

    found = Alikes(["licht an", "fenster"], Sounds([spells], None, "de"))
    kinds = {alike.text: alike.kind for alike in found.found}
    near = [text for text, kind in kinds.items() if kind == "near"]
    assert len(near) == 48 and all(len(text) in (7, 8) for text in near)
    assert not {"venster", "fensder", "lichd an"} & set(near)  # which some language says alike
    assert kinds["fens"] == kinds["ster"] == kinds["licht"] == kinds["an"] == "part" and kinds["an licht"] == "swapped"
    assert found.other(np.random.default_rng(0)) is None and not found.others


def test_signs_of_a_script_without_spaces_are_words() -> None:
    def spells(text: str) -> list[tuple[str, ...]]:
        return [(sign,) for sign in text if sign != " "]

    found = {a.text: a.kind for a in Alikes(["开灯", "关灯"], Sounds([spells], None, "zh")).found}
    assert found == {"灯开": "swapped", "灯关": "swapped", "开": "part", "灯": "part", "关": "part"}


def test_words_of_a_lexicon_are_heard_as_unknown(make: Callable[..., clips.Made], tmp_path: Path) -> None:
    lexicon = Lexicon(small.LETTERS)
    for word in ("lumo", "sumo", "lupo", "lama", "banano", "elefanto"):
        lexicon.add(word, list(word))
    voice = small.voice(tmp_path / "lexical.resonet", members={"lexicon.bin": lexicon.to_bytes()})
    made = make(["lumo"], count=30, voices=[voice])
    record = clip_record.read(made.folder)
    assert record is not None and record.settings.lexicon == "lexical"
    kinds: dict[str, set[str]] = {}
    for clip in record.clips:
        kinds.setdefault(clip.kind, set()).add(clip.text.rstrip(".!?"))
    assert kinds["near"] == {"sumo", "lupo"} and {"banano", "elefanto"} & kinds["other"]
    assert not any("lumo" in text for kind in ("near", "other") for text in kinds[kind])
