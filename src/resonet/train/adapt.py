"""A personal voice: a trained voice learns a speaker more from minutes of recordings, with that person's consent.

In the output folder, beside what every training writes: `features`, and a folder for each stage: `aligner`; `rows`, in
which only what is the speaker's own learns; `ending`, in which the decoder's last blocks do too; `vocoder`, where that
was asked for. As with a voice from nothing, a stage that is done has `done.json`, and a run can be taken up again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.errors import DataError, UsageError
from resonet.train import base_voice, finish_adapted, voice_data
from resonet.train.base_voice import BaseVoice
from resonet.train.loop import Listener
from resonet.train.made import Learnt, Progress, Teller, duration_text
from resonet.train.newcomer import Newcomer
from resonet.train.recipe import Recipe, Stage
from resonet.train.tasks.align_newcomer import AlignNewcomer, expected
from resonet.train.tasks.new_speaker import NewSpeaker, Rows
from resonet.train.tasks.vocode import Vocode
from resonet.train.voice import Predicted, VoiceRun, vocoder_of
from resonet.train.voice_units import base as base_language

# Share of the whole time that each stage gets, of those that there are.
_SHARES = {"aligner": 0.1, "rows": 0.4, "ending": 0.5, "vocoder": 0.6}
# Seconds of speech without which there is no voice, and that a voice should have.
_LEAST, _GOOD = 60.0, 240.0
# Characters of a statement of consent at least: "yes" says nothing of who agreed to what.
_STATEMENT = 12
_SPDX = re.compile(r"[A-Za-z0-9.+()-]+( (AND|OR|WITH) [A-Za-z0-9.+()-]+)*")


class AdaptRun(VoiceRun):
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
        self.base, recipe = begun(recipe)
        super().__init__(data, recipe, out, name, tell, listener, progress, paced, save_recipe)
        self.same |= {"networks of the voice": self.base.key}

    def _data(self, data: Path) -> voice_data.VoiceData:
        a, m = self.recipe.adapt, self.base.manifest
        newcomer = Newcomer(
            self.base.name, self.base.units, m.languages, m.speakers, a.speaker, a.reader, self.base.counts
        )
        read = voice_data.read(data, self.recipe, self.out, self.tell, self._progress, newcomer)
        seconds = (read.train.offsets[-1] + read.dev.offsets[-1]) * read.train.mel_config.shift
        if seconds < _LEAST:
            raise DataError(
                f"{data} holds {seconds:.0f} s of speech that can be learnt from, which is too little for a voice",
                "one minute is the least, five are good",
            )
        if seconds < _GOOD:
            self.tell("finding", text=f"warning: {seconds / 60:.1f} min of speech make a rough likeness; five are good")
        return read

    def _tell_data(self) -> None:
        train, dev = self.data.train, self.data.dev
        hours = train.offsets[-1] * train.mel_config.shift / 3600
        self.tell(
            "data",
            text=f"{len(train)} utterances of {self.recipe.adapt.speaker} to learn from ({duration_text(hours)}), "
            f"{len(dev)} to check with; {self.base.name} has {_counted(len(self.base.manifest.speakers))}",
            hours=hours,
            folder=str(self.data.folder),
        )

    def finish(self) -> Path:
        """Trains what is not trained yet, and writes the bundle."""
        durations = self._aligned()
        rows = self._speaker("rows", durations)
        if rows.dropped:
            self.tell("note", text=f"{len(rows.dropped)} utterances with a unit of over 0.8 s are left out",
                      dropped=rows.dropped)  # fmt: skip
        self.tell("note", text=f"begins as {rows.began}, who is the nearest")
        task, learnt = rows, self._stage("rows", rows)
        if self.recipe.adapt.end:
            with learnt.averaged():
                begun_with = rows.rows_of()
            task = self._speaker("ending", durations, begun_with)
            learnt = self._stage("ending", task)
        vocoder, context = self._vocoder(task, learnt)
        path = self.out / f"{self.name}.resonet"
        self.tell("note", text="exports the networks, writes the bundle")
        return finish_adapted.write_adapted(
            task, learnt, self.data, rows.began, vocoder, context, self.recipe, path, self.name
        )

    def _speaker(self, stage: str, durations: Any, rows: Rows | None = None) -> NewSpeaker:
        return NewSpeaker(
            self._recipe_of(stage), self.data.train, self.data.dev, durations, self.out / stage, self.base, rows=rows,
            end=stage == "ending", speak=self._speak,
        )  # fmt: skip

    def _aligner(self) -> AlignNewcomer:
        train, dev = self.data.train, self.data.dev
        network = base_voice.load(self.base.network(), self.base.weights, self.base.name)
        speaker = self.base.nearest(train.speakers.ranges[-1].mean, train.languages[train.language[0]])[0]
        self.tell("note", text=f"{self.base.manifest.speakers[speaker]} says the texts, to find their units' times")
        ends = (expected(network, train, speaker), expected(network, dev, speaker))
        recipe, units = self._recipe_of("aligner"), len(self.data.units.symbols)
        task = AlignNewcomer(recipe, train, dev, units, self.out / "aligner", ends)
        if (weights := self.base.aligner) is not None:
            own = task.network.state_dict()
            # Whose voice it is is told by a row of its own; the others' are not heard here.
            table = weights["speakers.weight"].mean(0, keepdim=True).expand_as(own["speakers.weight"])
            task.network.load_state_dict({**weights, "speakers.weight": table})
        return task

    def _recipe_of(self, stage: str) -> Recipe:
        return stage_recipe(self.recipe, stage)

    def _vocoder(self, task: Any, acoustic: Learnt) -> tuple[bytes, int]:
        if self.recipe.adapt.vocoder or self.recipe.voice.vocoder:
            return super()._vocoder(task, acoustic)
        return self.base.vocoder, self.base.manifest.voice.context

    def _vocoder_task(self, own: Predicted) -> Vocode:
        task = super()._vocoder_task(own)
        _, weights = base_voice.vocoder_settings(self.base)
        base_voice.load(task.network, weights, f"{self.base.name}'s vocoder")
        return task

    def _speak(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        (pcm,) = base_voice.run_graph(self.base.vocoder, {"mel": np.ascontiguousarray(mel)[None]})
        sound: NDArray[np.float32] = np.clip(pcm[0], -1, 1)
        return sound


def begun(recipe: Recipe) -> tuple[BaseVoice, Recipe]:
    """The voice that the recipe starts with, and the recipe for its networks and language.

    Raises:
        UsageError: no consent, no name or one that is taken, no such licence, or several languages and none was chosen;
            BundleError, TrainError: see base_voice.read.
    """
    check_consent(recipe)
    a = recipe.adapt
    if a.licence is not None and not _SPDX.fullmatch(a.licence):
        raise UsageError(f"{a.licence!r} is no SPDX identifier", "as CC0-1.0, CC-BY-4.0 or LicenseRef-private")
    if not a.speaker.strip() or len(a.speaker) > 64 or not a.speaker.isprintable():
        raise UsageError(f"{a.speaker[:70]!r} is no name for a speaker", "give up to 64 characters with --speaker")
    if not recipe.start:
        raise UsageError(
            "no voice is named to begin with", "--voice BUNDLE; `resonet speak --list` shows what there is"
        )
    base = base_voice.read(recipe.start)
    taken = {name.lower(): name for name in base.manifest.speakers}
    if (name := taken.get(a.speaker.lower())) is not None:
        raise UsageError(f"{base.name} has a speaker {name!r} already", "give the new one another name with --speaker")
    settings = base.settings
    changes = {
        "family": base.manifest.family,
        "preset": settings["preset"],
        "network": settings.get("network") or {},
        "language": _language(recipe.language, base),
        "units": recipe.units.model_copy(update={"type": base.units.type}),
    }
    # Also where it does not learn: who goes on from the new bundle finds there of what size it is.
    vocoder = base_voice.vocoder_settings(base)[0] if a.vocoder else base_voice.vocoder_named(base)
    own = {"preset": vocoder.preset, "network": vocoder.network}
    changes["voice"] = recipe.voice.model_copy(update={"vocoding": recipe.voice.vocoding.model_copy(update=own)})
    if recipe.voice.vocoder:
        vocoder_of(recipe.voice.vocoder, base.mel)
    return base, recipe.model_copy(update=changes)


def check_consent(recipe: Recipe) -> None:
    """Raises UsageError where the recipe states no consent of the person whose voice is learnt."""
    a = recipe.adapt
    if not all(text.strip() for text in (a.consent, a.consent_by, a.consent_date)):
        raise UsageError(
            "a personal voice is made with the consent of the person who spoke, and none is stated",
            '--consent "I, NAME, agree that ..."',
        )
    if len(a.consent.strip()) < _STATEMENT:
        raise UsageError(
            f"{a.consent.strip()!r} is no statement of consent", 'say who agrees to what: "I, NAME, agree that ..."'
        )
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", a.consent_date):
        raise UsageError(f"{a.consent_date!r} is no day of consent", "write it as 2026-11-30")
    if len(a.consent) > 10_000 or len(a.consent_by) > 200:
        raise UsageError("the statement of consent is too long", "10,000 characters, and 200 for who gave it")


def stage_recipe(recipe: Recipe, stage: str) -> Recipe:
    """The recipe of one stage, as if it were a run of its own."""
    v, a = recipe.voice, recipe.adapt
    stages: dict[str, Stage] = {"aligner": v.aligner, "rows": a.rows}
    if a.end:
        stages["ending"] = a.ending
    if a.vocoder:
        stages["vocoder"] = v.vocoding
    own = stages[stage]
    time, passes = own.time, own.passes
    if time is None and passes is None:
        share = _SHARES[stage] / sum(_SHARES[name] for name in stages)
        time, passes = recipe.time and recipe.time * share, recipe.passes
    changes: dict[str, Any] = {
        "time": None if passes else time,
        "passes": passes,
        "batch_seconds": own.batch_seconds,
        "optimiser": own.optimiser,
        "accumulate": 1,
        "start": None,
    }
    if stage == "vocoder":
        changes |= {"task": "vocode", "family": "resnet_istft", "preset": v.vocoding.preset,
                    "network": v.vocoding.network}  # fmt: skip
    return recipe.model_copy(update=changes)


def _language(asked: str, base: BaseVoice) -> str:
    """The language of the recordings, as the voice calls it."""
    known = {base_language(language): language for language in reversed(base.manifest.languages)}
    if asked:
        if base_language(asked) not in known:
            raise UsageError(f"{base.name} does not speak {asked}", f"it speaks {', '.join(base.manifest.languages)}")
        return known[base_language(asked)]
    if len(known) > 1:
        raise UsageError(
            f"{base.name} speaks {', '.join(base.manifest.languages)}", "say with --language what is spoken here"
        )
    return base.manifest.languages[0]


def _counted(speakers: int) -> str:
    return f"{speakers} speaker{'s' * (speakers != 1)}"
