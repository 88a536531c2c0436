"""What `manifest.json` of a bundle says (docs/formats.md): its types, how it is read, and how it is written.

Reading is strict: no value is converted, no field is guessed. A bundle of a newer minor format may carry fields that
this version does not know; they are ignored. One of another major format is refused.
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, JsonValue, StringConstraints, ValidationError, model_validator

from resonet.bundle.runtime_fields import ClassifierRuntime, Decoding, IdentityRuntime, Language, Part, VoiceRuntime
from resonet.errors import BundleError

FORMAT = (1, 0)
MANIFEST = "manifest.json"

Kind = Literal["recognizer", "classifier", "voice", "embedder", "g2p"]
PACKAGES = ("resonet", "onnxruntime")  # whose least version `runtime` may state
KINDS: tuple[Kind, ...] = get_args(Kind)

# What the runtime cannot do without; anything else (lm.bin, lexicon.bin, g2p.onnx, card.md ...) may be absent.
NEEDED: dict[Kind, tuple[str, ...]] = {
    "recognizer": ("model.onnx",),
    "classifier": ("model.onnx",),
    "voice": ("acoustic.onnx", "vocoder.onnx", "mel.json"),
    "embedder": (),  # words, voices or both: see _check_embedder
    "g2p": ("g2p.onnx",),
}

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
# Flat and plain: such a name cannot leave the folder that a bundle is unpacked to, on any system.
MemberName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Time = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]


class UnitList(Part):
    """The outputs of a recognizer in order; `blank` is the place of the CTC blank in `symbols` (JSON: `list`)."""

    type: Literal["characters", "bpe", "phones"]
    symbols: tuple[str, ...] = Field(alias="list", min_length=2)
    blank: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> UnitList:
        if len(set(self.symbols)) != len(self.symbols) or "" in self.symbols:
            raise ValueError("the list holds a unit twice, or an empty one")
        if self.blank >= len(self.symbols):
            raise ValueError("the blank is not in the list")
        return self


class Licence(Part):
    """The licence of one set of training data: SPDX identifier and where the set or the licence is to be found."""

    set: str
    spdx: str
    url: str = ""


class TrainingData(Part):
    """What the model was trained on, and the hash that `resonet prepare` gave it (`data.json`)."""

    name: str
    sha256: Sha256


class Metric(Part):
    """A measured figure: error rates in percent, `set` the data, `command` what prints it again."""

    name: str
    value: float
    set: str
    command: str = ""


class Member(Part):
    """Hash and size of one member."""

    sha256: Sha256
    bytes: int = Field(ge=0)


class Manifest(Part):
    """`manifest.json`. Times of audio in seconds, rates in Hz; `members` holds every member but the manifest itself.

    `frame_shift` is the time between two feature frames, before subsampling: outputs come every
    `frame_shift * subsampling` seconds (`output_shift`).
    """

    format: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
    kind: Kind
    name: Name
    family: str
    created: Time
    sample_rate: int = Field(0, ge=0, le=768000)  # 0: a kind without sound (g2p)
    frame_shift: float = Field(0.0, ge=0, le=10)
    subsampling: int = Field(1, ge=1, le=1000)
    units: UnitList | None = None
    languages: tuple[Language, ...] = ()
    labels: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    licence: tuple[Licence, ...] = ()
    data: TrainingData | None = None
    commit: str = ""
    metrics: tuple[Metric, ...] = ()
    decoding: Decoding | None = None
    runtime: dict[str, JsonValue] = Field(default_factory=dict)
    members: dict[MemberName, Member]

    @property
    def output_shift(self) -> float:
        """Seconds between two outputs of the model."""
        return self.frame_shift * self.subsampling

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        missing = [name for name in NEEDED[self.kind] if name not in self.members]
        if missing:
            raise ValueError(f"a {self.kind} needs the member {', '.join(missing)}")
        if self.kind != "g2p" and not (self.sample_rate and self.frame_shift):
            raise ValueError(f"a {self.kind} needs sample_rate and frame_shift")
        for package in PACKAGES:
            # The version ends up in a command that a user is told to type.
            if package in self.runtime and not _is_version(self.runtime[package]):
                raise ValueError(f"runtime.{package} is no version")
        if self.kind == "recognizer":
            if self.units is None:
                raise ValueError("a recognizer needs units")
            if any(type(self.runtime.get(key)) is not int or self.runtime[key] < 0 for key in ("delay", "state")):  # type: ignore[operator]
                raise ValueError("a recognizer needs runtime.delay and runtime.state, counts of frames and of floats")
        if self.kind == "classifier":
            self._check_classifier()
        if self.kind == "voice":
            self._check_voice()
        if self.kind == "embedder":
            self._check_embedder()
        return self

    def _check_embedder(self) -> None:
        if not {"model.onnx", "speaker.onnx"} & self.members.keys():
            raise ValueError("an embedder needs the member model.onnx (words) or speaker.onnx (voices)")
        if ("speaker" in self.runtime) != ("speaker.onnx" in self.members):
            raise ValueError("speaker.onnx and runtime.speaker go together")
        if "speaker" in self.runtime:
            try:
                IdentityRuntime.model_validate_json(json.dumps(self.runtime["speaker"]))
            except ValidationError as error:
                raise ValueError(f"runtime.speaker: {explain(error)}") from error
            if self.sample_rate != 16000:
                raise ValueError("speaker.onnx takes 16000 samples a second, sample_rate says otherwise")

    @property
    def identity(self) -> IdentityRuntime | None:
        """What `runtime.speaker` of an embedder says; None where it knows no voices."""
        said = self.runtime.get("speaker") if self.kind == "embedder" else None
        return None if said is None else IdentityRuntime.model_validate_json(json.dumps(said))

    def _check_voice(self) -> None:
        if self.units is None or not self.languages or not self.speakers:
            raise ValueError("a voice needs units, languages and speakers")
        if len(set(self.speakers)) != len(self.speakers) or "" in self.speakers:
            raise ValueError("speakers holds a name twice, or an empty one")
        try:
            runtime = self.voice
        except ValidationError as error:
            raise ValueError(f"runtime of a voice: {explain(error)}") from error
        if set(runtime.speakers) != set(self.speakers):
            raise ValueError("runtime.speakers must name the speakers, each with its language")
        for name, speaker in runtime.speakers.items():
            if speaker.language not in self.languages:
                raise ValueError(f"runtime.speakers.{name}.language is none of the voice's languages")

    @property
    def voice(self) -> VoiceRuntime:
        """What `runtime` of a voice says; checked when the manifest was read."""
        return VoiceRuntime.model_validate_json(json.dumps(self.runtime))

    def _check_classifier(self) -> None:
        if not self.labels:
            raise ValueError("a classifier needs labels")
        if len(set(self.labels)) != len(self.labels) or "" in self.labels:
            raise ValueError("labels holds a label twice, or an empty one")
        try:
            runtime = self.classifier
        except ValidationError as error:
            raise ValueError(f"runtime of a classifier: {explain(error)}") from error
        if unknown := runtime.thresholds.keys() - set(self.labels):
            raise ValueError(f"runtime.thresholds names {min(unknown)!r}, which is no label")
        if (runtime.embed is None) == ("embed.onnx" in self.members):
            raise ValueError("embed.onnx and runtime.embed go together")
        if (runtime.second_look is None) == ("prototypes.npy" in self.members):
            raise ValueError("prototypes.npy and runtime.second_look go together")
        if runtime.second_look is not None and runtime.embed is None:
            raise ValueError("runtime.second_look needs embed.onnx")

    @property
    def classifier(self) -> ClassifierRuntime:
        """What `runtime` of a classifier says; checked when the manifest was read."""
        return ClassifierRuntime.model_validate_json(json.dumps(self.runtime))


def parse(content: bytes, where: str) -> Manifest:
    """The manifest in `content`; `where` names its file in errors.

    Raises:
        BundleError: no JSON, a format that this version does not read, or fields that do not fit it.
    """
    try:
        fields = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
        major, minor = fields["format"]
        if type(major) is not int or type(minor) is not int:
            raise TypeError("format is no pair of whole numbers")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = "it states no format" if isinstance(error, KeyError) else str(error)
        raise BundleError(f"{where}: {MANIFEST} is unreadable: {reason}", "the file is damaged or no bundle") from error
    if major != FORMAT[0]:
        raise _other_format(where, major, minor, fields.get("runtime"))
    return validate(fields, where, newer=minor > FORMAT[1])


def validate(fields: dict[str, Any], where: str, newer: bool = False) -> Manifest:
    """The manifest with these JSON `fields`; with `newer`, unknown ones are dropped. Raises BundleError."""
    while True:
        try:
            # From JSON text, for there strict pydantic takes a list for a tuple.
            return Manifest.model_validate_json(json.dumps(fields))
        except ValidationError as error:
            unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
            if not (newer and unknown):
                raise BundleError(f"{where}: {MANIFEST} does not fit its format: {explain(error)}") from error
            for *path, key in unknown:
                part: Any = fields
                for step in path:
                    part = part[step]
                del part[key]


def dump(manifest: Part) -> bytes:
    """The bytes of `manifest.json` or `stats.json`: UTF-8, fields in fixed order, those that are None left out."""
    fields = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    return (json.dumps(fields, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")


def explain(error: ValidationError) -> str:
    """A pydantic error as one clause: the first problem with its place, and how many there are besides."""
    first, *others = error.errors(include_url=False)
    place = ".".join(str(step) for step in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(others)} more)" if others else ""
    return f"{place}: {message}{more}" if place else f"{message}{more}"


def name_from(text: str) -> str:
    """The nearest valid bundle name: lower case, other characters than a-z and 0-9 become single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-") or "bundle"


def check_runtime(manifest: Manifest, where: str) -> None:
    """Raises BundleError where `runtime` asks for a newer resonet or ONNX Runtime than is installed."""
    for package in PACKAGES:
        needed = manifest.runtime.get(package)
        if not isinstance(needed, str):
            continue
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a source tree, or onnxruntime-gpu
            continue
        if _numbers(installed) < _numbers(needed):
            raise BundleError(
                f"{where} needs {package} {needed} or newer, installed is {installed}",
                f"pip install --upgrade '{package}>={needed}'",
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def _is_version(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9][0-9a-z.]{0,30}", value) is not None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number that JSON knows")


def _other_format(where: str, major: int, minor: int, runtime: Any) -> BundleError:
    needed = runtime.get("resonet") if isinstance(runtime, dict) else None
    if _is_version(needed):
        hint = f"resonet {needed} reads it: pip install --upgrade 'resonet>={needed}'"
    else:
        hint = "a newer resonet reads it: pip install --upgrade resonet" if major > FORMAT[0] else ""
    return BundleError(f"{where} has bundle format {major}.{minor}, this version reads {FORMAT[0]}.x", hint)
