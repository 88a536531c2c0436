"""Recipes: everything that decides a training run, as YAML checked by pydantic."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from resonet.data.augment import Augmentation
from resonet.errors import UsageError

FOLDER = Path(__file__).parent / "recipes"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


# The room of models where the families of a task are.
FAMILIES = {
    "recognize": "recognizers",
    "pronounce": "language",
    "classify": "classifiers",
    "embed": "embedders",
    "identify": "embedders",
    "synthesize": "synthesizers",
    "adapt": "synthesizers",
    "vocode": "vocoders",
}


def _seconds(value: object) -> object:
    """Text like 90s, 3m or 2h as seconds; anything else as it is."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Units(Strict):
    """What the network emits."""

    type: Literal["characters", "bpe", "phones"] = "characters"
    size: int = Field(256, description="word pieces (bpe only)")
    lexicon: str | None = Field(None, description="CMUdict text or word<TAB>phones (phones only)")
    g2p: str | None = Field(None, description="bundle of kind g2p for words that the lexicon lacks (phones only)")


class Optimiser(Strict):
    """How gradients become steps; `momentum` is for momentum and rmsprop."""

    name: Literal["sgd", "momentum", "rmsprop", "adam", "adamw", "novograd", "muon"] = "adamw"
    rate: float = Field(2e-3, gt=0, description="peak learning rate")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.02, ge=0)
    schedule: Literal["cosine", "linear", "eden", "constant"] = "cosine"
    warm_up: float = Field(0.05, ge=0, lt=1, description="share of training in which the rate rises")
    clip: float = Field(2.0, gt=0, description="gradients are clipped at this times their running median norm")


class Loss(Strict):
    """What is minimised. `consistency` is the weight of CR-CTC (0.2 in arXiv 2410.05101; 0: off, one view a batch)."""

    name: Literal["ctc", "cross_entropy"] = "ctc"
    flat_start: float = Field(0.0, ge=0, lt=1, description="share of training on evenly spread labels, before CTC")
    consistency: float = Field(0.0, ge=0)
    consistency_from: float = Field(0.0, ge=0, le=1, description="share of training before the second view begins")
    # The paper's 2.5 is for a thousand hours and many passes; with few hours the masks that a view alone gets are much.
    consistency_masks: float = Field(1.5, gt=0, description="with two views so many times the time masks (paper: 2.5)")

    @model_validator(mode="after")
    def _fits(self) -> Loss:
        if self.consistency and self.name != "ctc":
            raise ValueError("consistency goes with the loss ctc")
        return self


Share = Annotated[float, Field(ge=0, le=1)]


class Clips(Strict):
    """What a classifier of words hears beside the clips themselves (task classify)."""

    negatives: str | None = Field(None, description="data with hours of other speech, heard as `unknown`")
    unknown: Share = Field(0.2, description="share of a batch that is other speech, or is made from the clips")
    silence: Share = Field(0.08, description="share of a batch that holds no word")
    running: Share = Field(0.5, description="share of clips placed anywhere near the end of the window, as streams do")
    overlaid: Share = Field(0.2, description="share of clips with other speech under them, 0 to 15 dB below")
    streams: Share = Field(0.5, description="streams beside the clips, as a share of a batch (with negatives)")
    alarms: float = Field(
        0.05, gt=0, le=1, description="share of the wordless frames of streams that counts: the loudest"
    )
    false_alarms: float = Field(
        1.0, gt=0, description="an hour of speech, all words together: the bundle's thresholds (with negatives)"
    )
    context: float = Field(0.5, ge=0, description="seconds heard before the window")
    shift: float = Field(0.1, ge=0, description="seconds by which clips are moved either way")
    mixup: float = Field(0.0, ge=0, description="alpha of mixup (0: off)")
    smoothing: float = Field(0.1, ge=0, lt=1, description="label smoothing")
    hardest: float = Field(0.5, gt=0, le=1, description="share of the other speech that counts: the least understood")
    synthetic: str | None = Field(None, description="folder of folders of synthetic clips, for training alone")
    phrases: tuple[str, ...] = Field((), description="phrases that voices speak into clips, in the run's folder")
    voices: tuple[str, ...] = Field((), description="bundles of these voices; by default all that speak the language")
    count: int = Field(200, ge=1, le=99_999, description="clips of each phrase")
    embedder: str | None = Field(None, description="bundle of kind embedder that goes into the new one, for enrolment")


class Embedding(Strict):
    """How spoken words become vectors (task embed)."""

    aligner: str | None = Field(
        None, description="recognizer that says when each word is said; None: the installed one"
    )
    words: int = Field(3, ge=1, description="words of a segment at most")
    weight: float = Field(1.0, ge=0, description="of the contrastive loss beside CTC")
    temperature: float = Field(0.07, gt=0)
    jitter: float = Field(0.06, ge=0, description="seconds by which borders of segments are moved")


class Identification(Strict):
    """How voices and languages become known (task identify)."""

    words: str | None = Field(None, description="bundle of kind embedder whose model.onnx goes into the new one")
    crop: tuple[PositiveFloat, PositiveFloat] = Field((2.0, 3.0), description="seconds of a row, from and to")
    margin: float = Field(0.2, ge=0, le=0.6, description="radians that voices are kept from their speaker's border")
    margin_rises: tuple[Share, Share] = Field(
        (0.1, 0.5), description="shares of training at which it begins and is all"
    )
    scale: float = Field(30.0, gt=0, description="of cosines before the softmax over speakers")
    languages: float = Field(
        0.3, ge=0, lt=1, description="rows for languages, as a share of a batch (with two languages or more)"
    )
    language_weight: float = Field(1.0, ge=0, description="of the cross entropy of languages")
    joined: Share = Field(0.5, description="share of these rows that are joined from pieces of a second")
    stretch: tuple[PositiveFloat, PositiveFloat] = Field((0.8, 1.25), description="playing speeds of these rows")
    narrow: Share = Field(0.2, description="share of rows whose upper frequencies are missing")

    @model_validator(mode="after")
    def _rising(self) -> Identification:
        for key in ("crop", "margin_rises", "stretch"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key} goes from the lower to the higher number")
        return self


class Stage(Strict):
    """One of the trainings before or after that of the acoustic model of a voice; as the recipe's own settings."""

    time: Seconds | None = None
    passes: float | None = Field(None, gt=0, description="in place of time")
    batch_seconds: float = Field(60.0, gt=0)
    optimiser: Optimiser = Optimiser()


class Vocoding(Stage):
    """How a vocoder learns; as a task of its own (vocode) it has time, optimiser and batches from the recipe itself."""

    preset: str = "base"
    network: dict[str, Any] = Field(default_factory=dict, description="single settings of the family over the preset")
    time: Seconds | None = 3 * 3600.0
    batch_seconds: float = Field(10.0, gt=0)
    optimiser: Optimiser = Optimiser(rate=5e-4, betas=(0.8, 0.99), weight_decay=0.01, warm_up=0.01)
    segment: int = Field(64, ge=8, description="frames of a piece that is learnt at once")
    adversaries: Share = Field(0.6, description="share of training after which discriminators join in; 1: never")
    adversary_rate: float = Field(3e-4, gt=0, description="peak learning rate of the discriminators")
    predicted: Share = Field(0.5, description="share of the pieces whose mel an acoustic model predicted")
    predicted_from: Share = Field(0.7, description="share of training after which these join in")


class Voice(Strict):
    """How a voice is made (task synthesize): aligner, then the acoustic model as the recipe says, then the vocoder."""

    speakers: dict[str, str] = Field(
        default_factory=dict,
        description="other names for speakers of the data; the first is heard where none is asked for",
    )
    aligner: Stage = Stage(time=600.0, batch_seconds=24.0, optimiser=Optimiser(rate=2e-3, weight_decay=1e-4))
    durations: str | None = Field(None, description="folder of another training of these data, to align as it did")
    vocoding: Vocoding = Vocoding()
    vocoder: str | None = Field(
        None, description="voice bundle, or folder of a training, whose vocoder is taken; None: one is trained"
    )
    without: tuple[str, ...] = Field((), description="files of sentences, one a line, that nothing learns from")
    predicted: tuple[str, ...] = Field(
        (), description="folders of trained voices, whose acoustic models' spectrograms a vocoder learns as well"
    )
    similarity: float = Field(0.5, ge=0, description="weight of structural similarity beside the L1 of spectrograms")
    prosody: float = Field(0.1, ge=0, description="weight of durations, pitch and energy")


class Adaptation(Strict):
    """How a trained voice (`start`) learns a speaker more (task adapt). The recipe's `time` is that of all its stages
    together; `voice.aligner` and `voice.vocoding` are two of them."""

    speaker: str = Field("", description="name of the new speaker")
    consent: str = Field("", description="what this person agreed to; without it nothing is learnt")
    consent_by: str = Field("", description="who gave the consent, as told")
    consent_date: str = Field("", description="the day it was recorded here, as 2026-11-30")
    reader: str | None = Field(None, description="of several speakers of the data, the one that is learnt")
    licence: str | None = Field(None, description="SPDX identifier of the recordings; None: what the data name")
    only: bool = Field(False, description="the new bundle speaks with the new speaker alone")
    end: bool = Field(True, description="the decoder's last blocks learn too; without, other speakers stay as they are")
    keep: float = Field(1.0, ge=0, description="weight of the others' sounding as before, while those blocks learn")
    vocoder: bool = Field(False, description="the vocoder learns from the recordings too")
    rows: Stage = Stage(batch_seconds=20.0, optimiser=Optimiser(rate=5e-3, weight_decay=0.0))
    ending: Stage = Stage(batch_seconds=20.0, optimiser=Optimiser(rate=3e-4, weight_decay=0.0))


class Recipe(Strict):
    """A training run. Give `passes` over the data, or `time` on the clock, after which the rate has come to its end."""

    task: Literal["recognize", "pronounce", "classify", "embed", "identify", "synthesize", "adapt", "vocode"] = (
        "recognize"
    )
    family: str = "resnet_ctc"
    preset: str = "1m"
    network: dict[str, Any] = Field(default_factory=dict, description="single settings of the family over the preset")
    language: str = "en"
    about: str = Field("", description="what the bundle's card says first")
    licences: tuple[dict[str, str], ...] = Field((), description="set, spdx, url of the data, where it names none")
    units: Units = Units()
    augmentation: Augmentation = Augmentation()
    optimiser: Optimiser = Optimiser()
    loss: Loss = Loss()
    clips: Clips = Clips()
    embedding: Embedding = Embedding()
    identity: Identification = Identification()
    voice: Voice = Voice()
    adapt: Adaptation = Adaptation()
    initialisation: Literal["family", "normal", "xavier", "kaiming"] = "family"
    start: str | None = Field(None, description="bundle, or folder of a training, whose weights are gone on from")
    passes: float | None = Field(None, gt=0)
    time: Seconds | None = Field(None, description="seconds, or text like 3m or 2h")
    clock: Literal["wall", "processor"] = Field(
        "wall", description="what `time` counts; processor: seconds of computing, the same on a busy machine"
    )
    batch_seconds: float = Field(120.0, gt=0, description="audio seconds a batch, padding included")
    accumulate: int = Field(1, ge=1, description="batches a step")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the running mean of weights that is kept (EMA)")
    validate_every: Seconds = Field(600.0, description="seconds between validations")
    checkpoint_every: Seconds = Field(120.0, description="seconds between checkpoints")
    lm: str | None = Field(None, description="language model for word error rates in training and for the bundle")
    longest: float = Field(30.0, gt=0, description="utterances of more seconds are left out")
    cache: str | None = Field(None, description="folder for decoded recordings; by default the user's cache")
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: int | None = Field(None, ge=1)
    device: str = "cpu"
    seed: int = Field(0, ge=0)

    @field_validator("preset", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return str(value) if isinstance(value, (int, float)) else value  # YAML reads 8 as a number

    @model_validator(mode="after")
    def _whole(self) -> Recipe:
        if (self.passes is None) == (self.time is None):
            raise ValueError("give either passes or time")
        if self.start and self.task == "pronounce":
            raise ValueError("start is not for pronunciation")
        return self


def names() -> list[str]:
    """The recipes that come with resonet."""
    return sorted(p.stem for p in FOLDER.glob("*.yaml"))


def load(name_or_path: str, settings: list[str] | None = None) -> Recipe:
    """A recipe by name or file, with `a.b=c` settings over it.

    Raises UsageError: unknown recipe, key or value; each names what is near.
    """
    import yaml

    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if name_or_path not in names():
            near = difflib.get_close_matches(name_or_path, names(), 1)
            raise UsageError(
                f"there is no recipe {name_or_path!r}",
                f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(names()),
            )
        path = FOLDER / f"{name_or_path}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"the recipe {path} cannot be read: {error}") from error
    # What comes with resonet is whole: only a setting can be wrong, and the recipe may be nobody's choice.
    return parse(content, settings or [], "--set" if settings and path.parent == FOLDER else str(path))


def parse(content: dict[str, Any], settings: list[str], where: str) -> Recipe:
    """A checked recipe from plain data and `a.b=c` settings; raises UsageError."""
    import yaml

    if not isinstance(content, dict):
        raise UsageError(f"{where} is no recipe", "it must hold keys and values")
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting} has no '='", "write --set key=value")
        *groups, last = key.strip().split(".")
        place = content
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise UsageError(f"--set {setting}: {group} is a single value")
        try:
            place[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {setting}: {value} is no YAML value", "quote what holds : # [ or {") from error
        if last in ("passes", "time") and not groups:  # one replaces the other
            content.pop({"passes": "time", "time": "passes"}[last], None)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{where}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{key or 'recipe'}: {first['msg'].removeprefix('Value error, ')}"
    model: type[BaseModel] = Recipe
    for part in first["loc"][:-1]:
        model = model.model_fields[str(part)].annotation  # type: ignore[assignment]
    near = difflib.get_close_matches(str(first["loc"][-1]), model.model_fields, 1)
    return f"{key} is no setting" + (f"; did you mean {near[0]!r}?" if near else "")
