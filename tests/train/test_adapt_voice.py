"""A personal voice from a minute of singing: what learns and what does not, the consent, resumption, and refusals."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sung_speech import SETTINGS, corpus

from resonet.bundle import Bundle, write
from resonet.cli import main
from resonet.errors import BundleError, DataError, ResonetError, TrainError, UsageError
from resonet.train import adapt, base_voice, recipe, run
from resonet.train.loop import Event, Loop
from resonet.train.made import Teller
from resonet.train.newcomer import strangeness
from resonet.train.tasks.align_newcomer import AlignNewcomer, warped
from resonet.train.tasks.new_speaker import NewSpeaker

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))
import small_voices

sys.path.pop(0)

CONSENT = "I, Cid, agree that tests\nspeak with my voice."
QUICK = ("passes=2", "threads=1", "precision=float32", "validate_every=1000", "checkpoint_every=1000",
         "voice.vocoding.passes=1", "voice.vocoding.segment=16", "voice.vocoding.batch_seconds=2")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a voice of two, `base`, in training's folder, and recordings of a third, `cid`."""
    folder = tmp_path_factory.mktemp("adapt")
    data = corpus(folder / "sung")
    corpus(folder / "cid", 44, ("cid",))
    settings = [part for s in (*SETTINGS, f"cache={folder / 'waves'}") for part in ("--set", s)]
    assert (
        main(["train", "--task", "synthesize", "--data", str(data), "-o", str(folder / "base"), "-q", *settings]) == 0
    )
    return folder


@pytest.fixture
def adapted(place: Path, resonet: Callable[..., Any]) -> Callable[..., Any]:
    """Runs `resonet adapt`, by default of cid for the bundle of the voice, with consent."""

    def go(out: Path, *more: Any, voice: Any = None, data: Any = None, speaker: str = "cid") -> Any:
        settings = [part for s in (*QUICK, f"cache={place / 'waves'}") for part in ("--set", s)]
        return resonet(
            "adapt", "--voice", voice or place / "base" / "base.resonet", "--data", data or place / "cid",
            "--speaker", speaker, "--consent", CONSENT, "-o", out, *settings, *more,
        )  # fmt: skip

    return go


def made_recipe(place: Path, **adaptation: Any) -> recipe.Recipe:
    stated = {"speaker": "cid", "consent": CONSENT, "consent_by": "Cid", "consent_date": "2026-01-02", **adaptation}
    made = recipe.load("adapt", [*QUICK, f"cache={place / 'waves'}", "average=0.9"])
    start = str(place / "base" / "base.resonet")
    return made.model_copy(update={"start": start, "adapt": made.adapt.model_copy(update=stated)})


def task_of(place: Path, out: Path, end: bool, **adaptation: Any) -> NewSpeaker:
    """The task of one stage, with durations that are as good as any."""
    out.mkdir(parents=True, exist_ok=True)
    made = made_recipe(place, **adaptation)
    made_run = adapt.AdaptRun(
        place / "cid", made, out, "x", Teller(out, None, True), None, None, run.paced, run.save_recipe
    )
    found = []
    for part in (made_run.data.train, made_run.data.dev):
        rows = []
        for i in range(len(part)):
            share = np.linspace(0, part.frames(i), len(part.units[i]) + 1).round().astype(np.int64)
            rows.append(np.diff(share))
        found.append(rows)
    return NewSpeaker(
        adapt.stage_recipe(made_run.recipe, "ending" if end else "rows"), made_run.data.train, made_run.data.dev,
        (found[0], found[1]), out / "stage", made_run.base, end=end,
    )  # fmt: skip


def says(path: Path, speaker: int) -> np.ndarray:
    """Log-mel of a few units by the acoustic graph of a bundle."""
    with Bundle.open(path, "voice") as bundle:
        session, units = onnxruntime.InferenceSession(bundle.read("acoustic.onnx")), bundle.manifest.units
    assert units is not None
    said = np.array([[units.symbols.index(s) for s in "|mama|sumo."]])
    plain, one = np.ones(said.shape, np.float32), np.array([speaker])
    mel: np.ndarray = session.run(
        None, {"units": said, "speaker": one, "language": one * 0, "speed": plain, "pitch": plain * 0,
               "energy": plain * 0},
    )[0]  # fmt: skip
    return mel


def test_others_sound_exactly_as_before_while_only_rows_learn(place: Path, adapted: Callable[..., Any]) -> None:
    from resonet import Voice

    ran = adapted(
        Path("one"), "--rows-only", "--licence", "LicenseRef-private", "--consent-by", "Cid Example", "--json"
    )
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    path, old = Path(told["bundle"]), place / "base" / "base.resonet"
    assert told["speaker"] == "cid" and told["mel_difference"] > 0 and "others_moved" not in told
    assert "begins as" in ran.err and "of which" in ran.err
    for number in (0, 1):
        np.testing.assert_array_equal(says(path, number), says(old, number))
    with Bundle.open(path) as new, Bundle.open(old) as base:
        manifest, card = new.manifest, new.read("card.md").decode()
        assert new.read("vocoder.onnx") == base.read("vocoder.onnx")
        assert manifest.speakers == (*base.manifest.speakers, "cid") and manifest.languages == base.manifest.languages
        assert manifest.licence[-1].spdx == "LicenseRef-private" and manifest.licence[-1].set == "cid"
        assert manifest.licence[:-1] == base.manifest.licence
    consent = manifest.voice.speakers["cid"].consent
    assert consent is not None and consent.by == "Cid Example" and consent.text == CONSENT
    assert consent.date == told_today()
    assert manifest.voice.speakers["cid"].pitch == pytest.approx(160, rel=0.05)
    assert "> I, Cid, agree that tests\n> speak with my voice.\n" in card and "Cid Example" in card
    assert "agree" not in json.dumps(manifest.runtime["recipe"])
    speech = Voice.load(path).speak("Mama sumo.", speaker="cid")
    assert len(speech.samples) and np.isfinite(speech.samples).all()
    assert "1-spoken.wav" in Path("one/rows/progress.html").read_text()
    assert not Path("one/ending").exists()

    # Taken up again with the decoder's end, only that is trained: it begins with the rows that were learnt.
    ran_again = resume(Path("one"), "adapt.end=true", "adapt.keep=10")
    assert "ending: " in ran_again and "rows: " not in ran_again and "aligner: " not in ran_again
    moved = np.abs(says(path, 0)[:, :20] - says(old, 0)[:, :20]).max()
    assert 0 < moved < 0.5
    assert "the speech of the others has moved by" in card_of(path)


def told_today() -> str:
    from datetime import date

    return date.today().isoformat()


def resume(out: Path, *settings: str) -> str:
    """Goes on in this process; what it told."""
    lines: list[str] = []
    chosen, source, name = run.resumed(out, list(settings))
    run.train(source, chosen, out, name=name, resume=True, listener=lambda e: lines.append(str(e.values.get("text"))))
    return "\n".join(lines)


def card_of(path: Path) -> str:
    with Bundle.open(path) as bundle:
        return bundle.read("card.md").decode()


def test_a_voice_that_grew_grows_again_with_its_vocoder(place: Path, adapted: Callable[..., Any]) -> None:
    ran = adapted(Path("one"), "--rows-only", voice=place / "base")
    assert ran.code == 0, ran.err
    ran = adapted(Path("two"), "--vocoder", "--rows-only", voice="one", speaker="dan")
    assert ran.code == 0, ran.err
    with Bundle.open("two/two.resonet") as new, Bundle.open("one/one.resonet") as old:
        assert new.manifest.speakers[-2:] == ("cid", "dan")
        assert new.manifest.voice.speakers["cid"].consent == old.manifest.voice.speakers["cid"].consent
        assert new.read("vocoder.onnx") != old.read("vocoder.onnx")
        assert new.manifest.voice.context == old.manifest.voice.context
    np.testing.assert_array_equal(says(Path("two/two.resonet"), 2), says(Path("one/one.resonet"), 2))
    assert card_of(Path("two/two.resonet")).count("> I, Cid") == 2


@pytest.mark.parametrize("end", [False, True])
def test_frozen_weights_do_not_move(place: Path, tmp_path: Path, end: bool) -> None:
    task = task_of(place, tmp_path / "run", end)
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    loop = Loop(task, task.recipe.model_copy(update={"threads": 1}), tmp_path / "loop")
    loop.run()
    after = task.network.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    rows = {f"{name}.row" for name in task.grown}
    shared = moved - rows
    assert rows - moved == set() and len(rows) == 6
    if end:
        assert {name.split(".")[0] for name in shared} == {"final", "final_norm", "output"}
        assert task.validate()["others_moved"] > 0
    else:
        assert not shared
    # The plain network says the same as that with the new rows apart.
    units = torch.tensor([[1, 3, 4, 5, 2]])
    plain, last = torch.ones(1, 5), torch.tensor([2])
    inputs = (units, last, last * 0, plain, plain * 0, plain * 0)
    with torch.no_grad():
        torch.testing.assert_close(task.whole()(*inputs)[0], task.network.eval()(*inputs)[0])


def test_a_speaker_takes_as_long_as_the_recordings(place: Path, tmp_path: Path) -> None:
    task = task_of(place, tmp_path / "run", False)
    network, dev = task.network, task.dev
    before = network.pace.clone()
    task.keep_pace()
    assert torch.equal(network.pace[:2], before[:2]) and network.pace[2] != 1
    said = 0.0
    with torch.no_grad():
        for i in range(len(dev)):
            units, who = torch.tensor([dev.units[i]]), torch.tensor([2])
            log_durations, _, _ = network.eval().predicted(network.encode(units, who, who * 0), who)
            said += float(log_durations.exp().sum() * network.pace[2])
    assert said == pytest.approx(sum(map(dev.frames, range(len(dev)))), rel=1e-3)
    assert torch.equal(task.whole().pace, network.pace)


def test_alone_the_new_speaker_is_number_one(place: Path, tmp_path: Path) -> None:
    task = task_of(place, tmp_path / "run", False, only=True)
    network = task.whole()
    assert network.speakers.num_embeddings == 1
    units = torch.tensor([[1, 3, 4, 5, 2]])
    plain, last = torch.ones(1, 5), torch.tensor([2])
    with torch.no_grad():
        alone = network(units, last * 0, last * 0, plain, plain * 0, plain * 0)[0]
        torch.testing.assert_close(alone, task.network.eval()(units, last, last * 0, plain, plain * 0, plain * 0)[0])


def test_it_begins_as_who_says_the_recordings_best(place: Path, tmp_path: Path) -> None:
    task = task_of(place, tmp_path / "run", False)
    losses = {}
    tried = {"the mean of all": None, "sung/ann": 0, "sung/bob": 1}
    for name, number in tried.items():
        task._set({n: t.known.mean(0) if number is None else t.known[number] for n, t in task.grown.items()})
        with torch.no_grad():
            losses[name] = np.mean([float(task.loss(b, 0)["loss"]) for b in task._some()])
    assert min(losses, key=losses.__getitem__) == task.began


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(place: Path, tmp_path: Path) -> None:
    made = made_recipe(place).model_copy(update={"checkpoint_every": 1e-9})

    def go(out: Path, stop: str | None) -> None:
        def listen(event: Event) -> None:
            stage = next((s for s in ("ending", "rows", "aligner") if (out / s / "checkpoint.pt").is_file()), "")
            if event.kind == "step" and stage == stop and event.values["step"] == 4:
                raise KeyboardInterrupt

        if stop is None:
            run.train(place / "cid", made, out, name="x")
            return
        with pytest.raises(KeyboardInterrupt):
            run.train(place / "cid", made, out, name="x", listener=listen)
        assert run.holds_training(out)
        chosen, source, name = run.resumed(out, [])
        run.train(source, chosen, out, name=name, resume=True)

    go(tmp_path / "whole", None)
    for stop in ("rows", "ending"):
        go(tmp_path / stop, stop)
        np.testing.assert_allclose(
            says(tmp_path / stop / "x.resonet", 2), says(tmp_path / "whole" / "x.resonet", 2), atol=1e-5
        )


def test_another_voice_is_not_gone_on_with(place: Path, tmp_path: Path, adapted: Callable[..., Any]) -> None:
    own = tmp_path / "own.resonet"
    own.write_bytes((place / "base" / "base.resonet").read_bytes())
    assert adapted(Path("one"), "--rows-only", voice=own).code == 0
    with Bundle.open(own) as bundle:
        fields = json.loads(bundle.read("manifest.json"))
        members = {name: bundle.read(name) for name in bundle.members}
    model = onnx.load_from_string(members["acoustic.onnx"])
    weight = next(w for w in model.graph.initializer if w.name == "output.bias")
    weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) + 0.001, weight.name))
    members["acoustic.onnx"] = model.SerializeToString()
    for key in ("members", "format"):
        fields.pop(key)
    write(own, fields, members)
    with pytest.raises(DataError, match="the networks of the voice are not those"):
        resume(Path("one"))


def changed(place: Path, path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """The bundle of the voice with other fields or members."""
    with Bundle.open(place / "base" / "base.resonet") as bundle:
        fields = json.loads(bundle.read("manifest.json"))
        members = {name: bundle.read(name) for name in bundle.members}
    for key in ("members", "format"):
        fields.pop(key)
    fields["name"] = "x"
    change(fields, members)
    return write(path, fields, members)


def nameless(_fields: dict[str, Any], members: dict[str, bytes]) -> None:
    model = onnx.load_from_string(members["acoustic.onnx"])
    for weight in model.graph.initializer:
        if weight.name == "output.weight":
            for node in model.graph.node:
                node.input[:] = ["onnx::W" if name == weight.name else name for name in node.input]
            weight.name = "onnx::W"
    members["acoustic.onnx"] = model.SerializeToString()


def otherwise(fields: dict[str, Any], _members: dict[str, bytes]) -> None:
    fields["runtime"]["recipe"]["network"]["decoder"] = [4, 4]


def wider(fields: dict[str, Any], _members: dict[str, bytes]) -> None:
    fields["runtime"]["recipe"]["network"]["width"] = 32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (nameless, r"^the graph of x names \d+ of the \d+ tensors of its network: output.weight is not in it"),
        (otherwise, "^the graph of x computes something else than the network that it names"),
        (wider, r"of x is \[\d+, 24\], and \[\d+, 32\] in the network that its manifest names"),
    ],
)
def test_graphs_that_cannot_be_gone_on_from(place: Path, tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(BundleError, match=said) as caught:
        base_voice.read(str(changed(place, tmp_path / "x.resonet", change)))
    assert "resonet train" in caught.value.hint


def test_places_where_there_is_no_voice(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no family 'letters' among synthesizers"):
        base_voice.read(str(small_voices.voice(tmp_path / "letters.resonet")))
    with pytest.raises(UsageError, match="holds no training of a voice"):
        base_voice.read(str(tmp_path))
    (tmp_path / "run.json").write_text('{"name": "x"}')
    with pytest.raises(TrainError, match="has written no bundle yet"):
        base_voice.read(str(tmp_path))
    # int8 weights stand for numbers, which are as good.
    from resonet.compress.int8 import quantize

    with Bundle.open(place / "base" / "base.resonet") as bundle:
        small = quantize(bundle, tmp_path / "small.resonet")
    whole, less = base_voice.read(str(place / "base" / "base.resonet")), base_voice.read(str(small))
    assert whole.weights.keys() >= whole.network().state_dict().keys()
    assert float((whole.weights["output.weight"] - less.weights["output.weight"]).abs().max()) < 0.02
    settings, _ = base_voice.vocoder_settings(less)
    assert settings.network == {"width": 16, "inner": 32, "dilations": [1, 2]}


def spoken(folder: Path, texts: list[str], readers: tuple[str, ...] = ("cid",), seconds: float = 3.0) -> Path:
    """Recordings of noise that is no speech, with these texts."""
    import soundfile

    (folder / "wavs").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["audio|text|speaker"]
    for i, text in enumerate(texts):
        soundfile.write(folder / "wavs" / f"{i}.wav", 0.05 * rng.normal(size=round(24000 * seconds)), 24000)
        lines.append(f"wavs/{i}.wav|{text}|{readers[i % len(readers)]}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def refused(place: Path, data: Path, **adaptation: Any) -> ResonetError:
    with pytest.raises(ResonetError) as caught:
        run.train(data, made_recipe(place, **adaptation), data.parent / "out", name="x")
    return caught.value


def test_recordings_that_cannot_be_learnt(place: Path, tmp_path: Path) -> None:
    error = refused(place, corpus(tmp_path / "few" / "cid", 8, ("cid",)))
    assert "s of speech that can be learnt from, which is too little" in error.message and "five are good" in error.hint
    error = refused(place, spoken(tmp_path / "zh" / "cid", [f"{n}你好吗" for n in "你好吗我她是"]))
    assert re.match(r"base cannot read (\d) of the \1 texts, the first because: Nothing in this", error.message)
    error = refused(place, corpus(tmp_path / "two" / "both", 8))
    assert error.message == "the recordings are of 2 speakers: both/ann, both/bob" and "--reader" in error.hint
    error = refused(place, tmp_path / "two" / "both", reader="eve")
    assert error.message == "the data have no speaker 'eve'" and "both/ann" in error.hint
    assert "too little" in refused(place, tmp_path / "two" / "both", reader="ann").message


def test_recordings_in_another_language(place: Path, tmp_path: Path) -> None:
    data = spoken(tmp_path / "cid", ["Mama sumo.", "Oase esu."])
    from resonet.data.prepare import prepare

    prepare([data], tmp_path / "prepared", language="fr")
    error = refused(place, tmp_path / "prepared")
    assert error.message == "the recordings are in fr, and base speaks la"


def test_settings_that_are_refused(place: Path) -> None:
    def said(**adaptation: Any) -> str:
        with pytest.raises(UsageError) as caught:
            adapt.begun(made_recipe(place, **adaptation))
        return caught.value.message

    assert said(consent=" ") == said(consent_by="") == said(consent_date="")
    assert "none is stated" in said(consent="")
    assert said(consent="yes I do") == "'yes I do' is no statement of consent"
    assert said(consent_date="2.1.2026") == "'2.1.2026' is no day of consent"
    assert said(speaker="SUNG/ann") == "base has a speaker 'sung/ann' already"
    assert "is no name for a speaker" in said(speaker="a\nb") and "''" in said(speaker="")
    assert "is no SPDX identifier" in said(licence="my own, all rights")
    made = made_recipe(place).model_copy(update={"language": "de"})
    with pytest.raises(UsageError, match="base does not speak de"):
        adapt.begun(made)
    with pytest.raises(UsageError, match="no voice is named"):
        adapt.begun(made.model_copy(update={"start": None}))


def test_times_of_the_stages_add_up(place: Path) -> None:
    made = made_recipe(place).model_copy(update={"passes": None, "time": 600.0})
    for changes in ({}, {"end": False}, {"vocoder": True}):
        some = made.model_copy(update={"adapt": made.adapt.model_copy(update=changes)})
        stages = [s for s in ("aligner", "rows", "ending") if s != "ending" or some.adapt.end]
        vocoding = some.voice.vocoding.model_copy(update={"passes": None, "time": None})
        some = some.model_copy(update={"voice": some.voice.model_copy(update={"vocoding": vocoding})})
        stages += ["vocoder"] if some.adapt.vocoder else []
        times = [adapt.stage_recipe(some, stage).time or 0 for stage in stages]
        assert sum(times) == pytest.approx(600) and min(times) > 30


def test_letters_of_another_language() -> None:
    english = "the quick brown fox jumps over the lazy dog and then they went away with the other who was there " * 20
    usual = {c: english.count(c) for c in set(english)}
    assert strangeness({c: n // 2 for c, n in usual.items()}, usual) < 0.01
    german = "der schnelle braune fuchs springt ueber den faulen hund und dann gingen sie mit dem anderen weg " * 20
    assert strangeness({c: german.count(c) for c in set(german)}, usual) > 0.07
    assert strangeness({"q": 50}, usual) == strangeness({"q": 5000}, {"a": 3}) == 0


def test_warping_finds_what_was_stretched() -> None:
    rng = np.random.default_rng(0)
    spoken_frames = np.repeat(rng.normal(size=(12, 8)), 8, 0).astype(np.float32)
    lengths = rng.integers(4, 15, 12)
    recorded = np.concatenate([np.repeat(spoken_frames[8 * i : 8 * i + 1], n, 0) for i, n in enumerate(lengths)])
    place = warped(recorded + 0.1 * rng.normal(size=recorded.shape).astype(np.float32), spoken_frames)
    ends = np.searchsorted(place, np.arange(1, 13) * 8 - 0.5)
    assert (np.diff(place) >= 0).all()
    assert np.abs(ends - np.cumsum(lengths)).max() <= 2


def test_the_prior_expects_units_where_the_voice_said_them(place: Path, tmp_path: Path) -> None:
    from resonet.train.voice_corpus import batch

    speaker = task_of(place, tmp_path / "run", False)
    train, dev = speaker.train, speaker.dev
    ends = [
        tuple(np.linspace(0, c.frames(i), len(c.units[i]) + 1)[1:].astype(np.float32) for i in range(len(c)))
        for c in (train, dev)
    ]
    task = AlignNewcomer(speaker.recipe, train, dev, 16, tmp_path, (ends[0], ends[1]))
    b = batch(train, [0, 1])
    for halved in (False, True):
        prior = task.prior(b, halved)
        n, frames = int(b.lengths[0]), int(b.frames[0]) // (2 if halved else 1)
        assert prior.shape == (2, b.mel.shape[1] // (2 if halved else 1), b.units.shape[1])
        torch.testing.assert_close(prior[0, :frames, :n].exp().sum(1), torch.ones(frames))
        best = prior[0, :frames, :n].argmax(1).numpy()
        assert (np.diff(best) >= 0).all() and best[0] == 0 and best[-1] == n - 1
    assert [int(d.sum()) for d in task.durations(train)] == [train.frames(i) for i in range(len(train))]


def test_a_training_of_a_voice_begins_with_another_one(place: Path) -> None:
    from resonet.train import start

    bundle = place / "base" / "base.resonet"
    base = base_voice.read(str(bundle))
    symbols = [*reversed(base.units.symbols), "ß"]
    symbols.remove("<blank>")
    symbols.insert(0, "<blank>")
    made = recipe.load("voice", ["language=la"])
    for where in (bundle, place / "base"):
        network = base.module.Network(base.config, len(symbols), 3, 1, base.mel)
        own = network.units.weight[symbols.index("ß")].detach().clone()
        told = start.begin(network, symbols, made.model_copy(update={"start": str(where)})).text
        assert told == f"begins with the weights of {where}, 100% of the network"
        for symbol in ("a", ".", "|"):
            torch.testing.assert_close(
                network.units.weight[symbols.index(symbol)],
                base.weights["units.weight"][base.units.symbols.index(symbol)],
            )
        assert torch.equal(network.units.weight[symbols.index("ß")], own)
        for row in network.speakers.weight:
            torch.testing.assert_close(row, base.weights["speakers.weight"].mean(0))
        torch.testing.assert_close(network.output.weight, base.weights["output.weight"])
        assert network.pitch_deviation.tolist() == pytest.approx([0.2] * 3)
    with pytest.raises(BundleError, match="is a voice bundle, this training cannot begin with it"):
        start.begin(network, symbols, made.model_copy(update={"task": "recognize", "start": str(bundle)}))
