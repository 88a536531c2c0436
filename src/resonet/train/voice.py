"""A voice from recordings with texts: aligner, acoustic model, vocoder, bundle; one after the other, unattended.

In the output folder, beside what every training writes: `features` (spectrograms, pitch), and a folder for each stage
(`aligner`, `acoustic`, `vocoder`) with its log, curves, samples and checkpoint. A stage that is done has `done.json`;
taken up again, a run goes on with the stage that it was in, or makes the bundle anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle, replacing
from resonet.bundle.mel import MEL, MelConfig, check_same, read_mel
from resonet.errors import DataError, TrainError, UsageError
from resonet.models import registry
from resonet.train import checkpoints, finish_voice, page, start, voice_data
from resonet.train import recipe as recipes
from resonet.train.loop import Listener, Loop, Task
from resonet.train.made import Learnt, Made, Progress, Teller, cache, duration_text, splits, weights_text
from resonet.train.probe import probe
from resonet.train.recipe import Recipe, Stage
from resonet.train.tasks.align_voice import AlignVoice, figures, load_durations, save_durations
from resonet.train.tasks.synthesize import Synthesize
from resonet.train.tasks.vocode import Predicted, Vocode
from resonet.train.voice_corpus import sounds

STAGES = ("aligner", "acoustic", "vocoder")
# What a good alignment of speech gives, ms a unit; outside it something is wrong with texts or sound.
_USUAL = (30.0, 150.0)

Durations = tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]


def stage_recipe(recipe: Recipe, name: str) -> Recipe:
    """The recipe of one stage, as if it were a run of its own."""
    v = recipe.voice
    if name == "acoustic":
        return recipe
    own: Stage = v.aligner if name == "aligner" else v.vocoding
    changes: dict[str, Any] = {
        "time": None if own.passes else own.time,
        "passes": own.passes,
        "batch_seconds": own.batch_seconds,
        "optimiser": own.optimiser,
        "accumulate": 1,
        "start": None,
    }
    if name == "vocoder":
        changes |= {"task": "vocode", "family": "resnet_istft", "preset": v.vocoding.preset,
                    "network": v.vocoding.network}  # fmt: skip
    return recipe.model_copy(update=changes)


class VoiceRun:
    """One run of all stages; `finish` of it returns the bundle."""

    def __init__(
        self,
        data: Path,
        recipe: Recipe,
        out: Path,
        name: str,
        tell: Teller,
        listener: Listener | None,
        progress: Progress | None,
        paced: Callable[[Recipe], Recipe],
        save_recipe: Callable[[Recipe, Path], None],
    ) -> None:
        self.recipe, self.out, self.name, self.tell = recipe, out, name, tell
        self._source, self._listener, self._progress = data, listener, progress
        self._paced, self._save_recipe = paced, save_recipe
        check_vocoder(recipe)
        self.data = self._data(data)
        self.same = {"data": self.data.record["sha256"], "units": list(self.data.units.symbols)}
        self._tell_data()

    def _data(self, data: Path) -> voice_data.VoiceData:
        return voice_data.read(data, self.recipe, self.out, self.tell, self._progress)

    def _tell_data(self) -> None:
        hours = self.data.train.offsets[-1] * self.data.train.mel_config.shift / 3600
        self.tell(
            "data",
            text=f"{len(self.data.train)} utterances to train on ({duration_text(hours)}), {len(self.data.dev)} to "
            f"check with; speakers: {', '.join(self.data.speakers.names)}; {len(self.data.units.symbols) - 1} "
            f"{self.data.units.type}",
            hours=hours,
            folder=str(self.data.folder),
        )

    def finish(self) -> Path:
        """Trains what is not trained yet, and writes the bundle."""
        durations = self._aligned()
        task = Synthesize(
            self.recipe, self.data.train, self.data.dev, len(self.data.units.symbols), durations, self.out / "acoustic"
        )
        if task.dropped:
            self.tell("note", text=f"{len(task.dropped)} utterances with a unit of over 0.8 s are left out",
                      dropped=task.dropped)  # fmt: skip
        acoustic = self._stage("acoustic", task)
        vocoder, context = self._vocoder(task, acoustic)
        path = self.out / f"{self.name}.resonet"
        self.tell("note", text="exports the networks, writes the bundle")
        finish_voice.write_voice(task, acoustic, self.data, vocoder, context, self.recipe, path, self.name)
        return path

    def _aligned(self) -> Durations:
        """Frames of every unit of train and dev; found once, and kept."""
        place = self.out / "aligner" / "durations.npz"
        if self.recipe.voice.durations and not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            own = Path(self.recipe.voice.durations) / "aligner" / "durations.npz"
            try:
                shutil.copyfile(own, place)
            except OSError as error:
                raise UsageError(f"{own} cannot be read: {error.strerror}", "name the folder of a training") from error
        corpora = {"train": self.data.train, "dev": self.data.dev}
        found = {name: load_durations(place, name, corpus.key) for name, corpus in corpora.items()}
        if any(value is None for value in found.values()):
            if self.recipe.voice.durations:
                raise DataError(f"{self.recipe.voice.durations} aligned other recordings or other units",
                                "leave voice.durations out")  # fmt: skip
            task = self._aligner()
            learnt = self._stage("aligner", task)
            with learnt.averaged():
                found = {name: task.durations(corpus) for name, corpus in corpora.items()}
            save_durations(place, **{n: (c.key, found[n] or []) for n, c in corpora.items()})
        train, dev = found["train"] or [], found["dev"] or []
        said = figures(train, self.data.train.mel_config.shift)
        self.tell(
            "note",
            text=f"alignment: median unit {said['median_ms']:g} ms, {said['one_frame_percent']:g} % of the units last "
            f"one frame, the longest {said['longest_frames']} frames; {said['too_long_percent']:g} % of the utterances "
            "have a unit that is too long",
            **said,
        )
        if not _USUAL[0] <= said["median_ms"] <= _USUAL[1]:
            self.tell(
                "finding",
                text=f"warning: a median unit of {said['median_ms']:g} ms is not that of speech: listen whether texts "
                "and recordings belong together",
            )
        return train, dev

    def _aligner(self) -> AlignVoice:
        recipe, symbols = self._recipe_of("aligner"), self.data.units.symbols
        return AlignVoice(recipe, self.data.train, self.data.dev, len(symbols), self.out / "aligner")

    def _recipe_of(self, stage: str) -> Recipe:
        return stage_recipe(self.recipe, stage)

    def _vocoder(self, task: Synthesize, acoustic: Learnt) -> tuple[bytes, int]:
        """The graph of the vocoder, and the frames it sees to either side."""
        mel = self.data.train.mel_config
        if self.recipe.voice.vocoder:
            graph, context, where = vocoder_of(self.recipe.voice.vocoder, mel)
            self.tell("note", text=f"takes the vocoder of {where}")
            return graph, context
        with acoustic.averaged():
            own = predictions(task, self.out / "features" / "predicted.npy")
        train = self._vocoder_task(own)
        learnt = self._stage("vocoder", train)
        return finish_voice.vocoder_graph(train, learnt), train.network.context

    def _vocoder_task(self, own: Predicted) -> Vocode:
        train, dev = self.data.train, self.data.dev
        folder = self.out / "vocoder"
        return Vocode(self._recipe_of("vocoder"), train.waves, dev.waves, folder, train.mel_config, [own])

    def _stage(self, name: str, task: Any) -> Loop:
        """Runs a stage to its end, from its checkpoint where there is one."""
        recipe, folder = self._paced(self._recipe_of(name)), self.out / name
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {"time": recipe.time, "passes": recipe.passes}
        done = _read(folder / "done.json")
        tell = Teller(folder, self._listener, True)
        resumed = (folder / "checkpoint.pt").is_file()
        loop = Loop(task, recipe, folder, tell.pass_on)
        if done is not None and all((done.get(k) or 0) >= (v or 0) for k, v in wanted.items()):
            loop.resume()
            return loop
        self.tell("note", text=f"{name}: {weights_text(task) if name != 'aligner' else _size(task)}")
        if recipe.start and not resumed:
            tell("note", text=start.begin(task.network, self.same["units"], recipe).text)
            loop = Loop(task, recipe, folder, tell.pass_on)  # whose running mean begins with these weights
        found = probe(task, recipe)
        tell("probe", text=f"uses {found}", seconds=found.seconds, threads=found.threads, precision=found.precision)
        loop.recipe = recipe = recipe.model_copy(update={"threads": found.threads, "precision": found.precision})
        self._save_recipe(recipe, folder / "recipe.yaml")
        with replacing(folder / "run.json") as file:
            record = {"name": self.name, "source": str(self._source.resolve()), "same": self.same}
            file.write(json.dumps(record, ensure_ascii=False).encode())
        if resumed:
            loop.resume()
            tell("note", text=f"goes on after step {loop.progress.step}")
        loop.run()
        with replacing(folder / "done.json") as file:
            file.write(json.dumps({**wanted, "step": loop.progress.step, **loop.progress.last}).encode())
        page.write(folder, f"{self.name}: {name}")
        page.write(self.out, self.name)
        return loop


def holds_voice(out: Path) -> bool:
    """Whether `out` holds a voice in training."""
    return (out / "run.json").is_file() and any((out / name).is_dir() for name in ("features", *STAGES))


def predictions(task: Synthesize, place: Path) -> Predicted:
    """What the acoustic model makes of the training recordings, with their own durations, pitch and energy; kept in
    `place`, so that memory holds none of it."""
    corpus = task.train
    shape = (int(corpus.offsets[-1]), corpus.mel_config.mels)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".{os.getpid()}.part")
    try:
        made = np.lib.format.open_memmap(part, "w+", np.float16, shape)
        for i in task.rows:
            mel = task.spoken(corpus, i, task.prosody)
            made[corpus.offsets[i] : corpus.offsets[i + 1]] = mel
        made.flush()
        del made
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    whole = np.load(place, mmap_mode="r")
    return Predicted(corpus.waves, np.split(whole, corpus.offsets[1:-1]), task.rows)


def predicted_by(out: Path, tell: Teller) -> Predicted:
    """The same from the folder of a voice in training, with its own recipe and data, as far as it has come."""
    recipe, source = _recorded(out)
    data = voice_data.read(source, recipe, out, tell, None)
    place = out / "aligner" / "durations.npz"
    durations = [load_durations(place, n, c.key) for n, c in (("train", data.train), ("dev", data.dev))]
    if durations[0] is None or durations[1] is None:
        raise TrainError(f"{out} has no durations of its recordings", "let its training come past the aligner")
    task = Synthesize(
        recipe, data.train, data.dev, len(data.units.symbols), (durations[0], durations[1]), out / "acoustic"
    )
    with _averaged(task, recipe, out / "acoustic"):
        tell("note", text=f"hears the recordings of {out} as its acoustic model says them")
        return predictions(task, out / "features" / "predicted.npy")


def vocoding(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    """A vocoder on its own, from any recordings."""
    from resonet.data import load
    from resonet.train.assemble import record_of

    mel = MelConfig()
    folder = load.resolve(data, language=recipe.language)
    train, dev = voice_data.kept_out(splits(folder, tell), recipe, tell)
    waves = sounds(train, cache(recipe), mel, progress)
    dev_waves = sounds(dev[:: max(1, len(dev) // 40)], cache(recipe), mel, progress)
    heard = [predicted_by(Path(place), tell) for place in recipe.voice.predicted]
    task = Vocode(recipe, waves, dev_waves, tell.folder, mel, heard)
    hours = sum(waves.length(i) for i in range(len(waves))) / mel.sample_rate / 3600
    text = f"{len(waves)} recordings to train on ({duration_text(hours)}), {len(dev_waves)} to check with"
    tell("data", text=f"{text}; {weights_text(task)}", hours=hours)

    def write(learnt: Learnt, recipe: Recipe, path: Path, name: str) -> Path:
        path = path.with_name("vocoder.onnx")
        with replacing(path.with_name(MEL)) as file:
            file.write(mel.to_bytes())
        with replacing(path) as file:
            file.write(finish_voice.vocoder_graph(task, learnt))
        return path

    return Made(task, {"data": record_of(folder)["sha256"], "units": []}, write)


def check_vocoder(recipe: Recipe) -> None:
    """Raises UsageError, BundleError, TrainError where the vocoder that the recipe names cannot be had; better now than
    after hours."""
    if recipe.voice.vocoder:
        vocoder_of(recipe.voice.vocoder, MelConfig())
    else:
        module = registry.family("resnet_istft", "vocoders")
        registry.configure(module, recipe.voice.vocoding.preset, recipe.voice.vocoding.network)


def vocoder_of(place: str, mel: MelConfig) -> tuple[bytes, int, str]:
    """The graph of a vocoder, its context, and where it is from: a voice bundle, or the folder of a training of a
    vocoder or of a voice, as far as it has come. Raises BundleError where its spectrogram is not `mel`."""
    folder = Path(place)
    if folder.is_dir():
        inner = folder / "vocoder" if (folder / "vocoder" / "checkpoint.pt").is_file() else folder
        if not (inner / "checkpoint.pt").is_file():
            if (folder / "run.json").is_file() and holds_voice(folder):
                recipe, _ = _recorded(folder)
                if recipe.voice.vocoder:
                    return vocoder_of(recipe.voice.vocoder, mel)
            raise UsageError(f"there is no training of a vocoder in {folder}", "name one, or a voice bundle")
        recipe = recipes.load(str(inner / "recipe.yaml"))
        module = registry.family(recipe.family, "vocoders")
        network = module.Network(registry.configure(module, recipe.preset, recipe.network), mel)
        network.load_state_dict(_average(inner))
        from resonet.train import export

        return export.vocoder(network), network.context, str(folder)
    with Bundle.open(place, "voice") as bundle:
        check_same(read_mel(bundle.read(MEL), str(bundle.path)), bundle.name, mel, "this training")
        return bundle.read("vocoder.onnx"), bundle.manifest.voice.context, bundle.name


def _average(folder: Path) -> dict[str, Any]:
    content = checkpoints.load(folder / "checkpoint.pt")
    try:
        return {**content["network"], **content["average"]}
    except (LookupError, TypeError) as error:
        raise TrainError(f"the checkpoint in {folder} is damaged") from error


def _averaged(task: Task, recipe: Recipe, folder: Path) -> Any:
    """A context in which the task's network has the averaged weights of the training in `folder`."""
    loop = Loop(task, recipe, folder)
    average = _average(folder)
    for name, weights in loop.average.items():
        weights.copy_(average[name])
    return loop.averaged()


def _recorded(out: Path) -> tuple[Recipe, Path]:
    """Recipe and data of the voice in training in `out`."""
    record = _read(out / "run.json")
    if record is None or not (out / "recipe.yaml").is_file():
        raise UsageError(f"{out} holds no training of a voice", "name the folder that `resonet train` wrote")
    return recipes.load(str(out / "recipe.yaml")), Path(record["source"])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _size(task: Any) -> str:
    return f"{sum(p.numel() for p in task.network.parameters()) / 1e6:.2f} million weights"
