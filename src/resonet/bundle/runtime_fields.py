"""What the field `runtime` of a manifest says, by kind of bundle: how its networks are run (docs/formats.md)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]


class Part(BaseModel):
    """Base of all that is read from a bundle's JSON: frozen, strict, finite numbers, no unknown field."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_by_alias=True, validate_by_name=True
    )


class Decoding(Part):
    """Settings of the decoder, tuned on development data; None: the decoder's own default."""

    lm_weight: float = 0.0
    word_bonus: float = 0.0
    beam: int | float = 1
    threshold: float | None = None  # hypotheses that far below the best one are dropped, natural log
    unit_threshold: float | None = None  # units with a log probability below it are not tried
    prior_weight: float | None = None  # share of the units' log priors that is taken off the acoustic scores
    confidence: tuple[float, ...] | None = None  # weights of decoding/confidence.py


Share = Annotated[float, Field(ge=0, le=1)]


class EmbedRuntime(Part):
    """`runtime.embed`: what running `embed.onnx` takes. A stretch of sound becomes `parts * dims` numbers."""

    model_config = ConfigDict(extra="ignore")

    delay: int = Field(ge=0)  # frames of its output
    state: int = Field(ge=0)
    subsampling: int = Field(ge=1, le=1000)
    dims: int = Field(ge=1, le=4096)
    parts: int = Field(ge=1, le=64)


class SecondLookRuntime(Part):
    """`runtime.second_look`: how the embedder checks what the classifier takes for a word (runtime/second_look.py).

    weights: of the classifier's log odds, of both cosines, and a constant. lengths: of each word, seconds of the
    stretches that are compared with it.
    """

    model_config = ConfigDict(extra="ignore")

    weights: tuple[float, float, float, float]
    lengths: dict[str, Annotated[tuple[Annotated[float, Field(gt=0, le=10)], ...], Field(min_length=1, max_length=16)]]


class ClassifierRuntime(Part):
    """What running a classifier takes, from `runtime`; a family may keep more there.

    A frame of output judges the last `window` seconds of sound. Without `streams` the graph takes such windows alone;
    with it, `context` is the seconds of silence that are heard before a clip, as in training.
    """

    model_config = ConfigDict(extra="ignore")

    window: float = Field(gt=0, le=60)
    context: float = Field(0.0, ge=0, le=60)
    streams: bool = True
    delay: int = Field(0, ge=0)
    state: int | None = Field(None, ge=0)
    thresholds: dict[str, Share] = {}
    embed: EmbedRuntime | None = None
    second_look: SecondLookRuntime | None = None

    @model_validator(mode="after")
    def _streams(self) -> ClassifierRuntime:
        if self.streams and self.state is None:
            raise ValueError("state is missing: a classifier has it, or says that streams is false")
        return self


class IdentityRuntime(Part):
    """`runtime.speaker`: what running `speaker.onnx` takes; who trained it may note more there.

    Sound of `shortest` to `longest` seconds becomes `size` numbers and the log-probabilities of `languages`.
    """

    model_config = ConfigDict(extra="ignore")

    size: int = Field(ge=1, le=4096)
    languages: tuple[Language, ...] = Field(min_length=1)
    shortest: float = Field(0.5, ge=0.1, le=60)
    longest: float = Field(10.0, ge=0.1, le=600)

    @model_validator(mode="after")
    def _fits(self) -> IdentityRuntime:
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("languages holds a tag twice")
        if self.shortest > self.longest / 2:  # pieces of a long one would be too short
            raise ValueError("longest is less than twice shortest")
        return self


class Consent(Part):
    """What a personal voice rests on, as told by who made it: who agreed, when that was recorded, and to what."""

    model_config = ConfigDict(extra="ignore")

    by: str = Field(min_length=1, max_length=200)
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    text: str = Field(min_length=1, max_length=10_000)


class SpeakerRuntime(Part):
    """What is known of a speaker of a voice: own language, units a second and median pitch (Hz) in training."""

    model_config = ConfigDict(extra="ignore")

    language: Language
    rate: float | None = Field(None, gt=0)
    pitch: float | None = Field(None, gt=0)
    consent: Consent | None = None


class VoiceRuntime(Part):
    """What running a voice takes, from `runtime`; a family may keep more there.

    The vocoder sees `context` frames to either side. `longest`: units of the longest piece that training saw.
    """

    model_config = ConfigDict(extra="ignore")

    context: int = Field(ge=0, le=10_000)
    speakers: dict[str, SpeakerRuntime]
    longest: int | None = Field(None, ge=1)
