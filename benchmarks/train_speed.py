"""How fast the flagship trains, beside a log-mel CTC model of Hugging Face Transformers of the same size, in one run.

    pip install 'resonet[train]' transformers
    python benchmarks/train_speed.py [--steps 40] [--threads 2] [--precision float32]

Ours is models/recognizers/resnet_ctc.py, preset 4m. The peer is ParakeetForCTC (FastConformer) built from a config,
with random weights, within 15 % of our parameters and with our subsampling. Both get the same batches of synthetic
sound with padding, the same number of threads, the same optimiser (AdamW), and do forward, CTC loss, backward and step.
Steps are interleaved, so that whatever else the machine does hits both alike. Speed is seconds of audio, padding not
counted, over seconds by the clock.

Ours computes its features in every step, as in training. The peer gets finished log-mels: that is the comparison in its
favour. What the features cost is measured too, and the ratio with the same work on both sides is given beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import torch
from torch import Tensor, nn

from resonet.models import registry
from resonet.models.layers import LogMel, Tape
from resonet.train import losses

SAMPLE_RATE = 16000
UNITS = 40  # phones, as many as labels; the blank comes on top
UNITS_A_SECOND = 11  # read English
UTTERANCE_SECONDS = (4.0, 7.0, 10.0, 14.0)  # longest utterance of each batch; LibriSpeech's median is 14 s
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Batch:
    """pcm float32 [rows, samples], samples int64 [rows], features [rows, frames, mels] as the peer gets them, labels:
    unit ids 1..UNITS a row. seconds: of sound, padding not counted."""

    pcm: Tensor
    samples: Tensor
    features: Tensor
    labels: list[Tensor]
    seconds: float


@dataclass
class Side:
    """One of the two: what does a step, and the seconds its steps took."""

    name: str
    parameters: int
    step: Callable[[Batch], None]
    taken: list[float]


def make_batches(seconds: float, features: LogMel) -> list[Batch]:
    """Batches of about so many seconds each; rows are 80 to 100 % as long as the longest, as bucketing leaves them."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for longest in UTTERANCE_SECONDS:
        rows = max(1, round(seconds / longest))
        lengths = longest * (0.8 + 0.2 * torch.rand(rows, generator=generator))
        lengths[0] = longest
        # Whole frames after subsampling, for both sides alike.
        samples = (lengths * SAMPLE_RATE / 1280).long() * 1280
        pcm = 0.1 * torch.randn(rows, int(samples.max()), generator=generator)
        pcm *= torch.arange(pcm.shape[1]) < samples[:, None]
        labels = [
            torch.randint(1, UNITS + 1, (int(n / SAMPLE_RATE * UNITS_A_SECOND),), generator=generator) for n in samples
        ]
        found.append(Batch(pcm, samples, features(pcm, Tape()), labels, float(samples.sum()) / SAMPLE_RATE))
    return found


def stepper(network: nn.Module, loss: Callable[[Batch], Tensor], precision: torch.dtype) -> Callable[[Batch], None]:
    """One step of training: forward and loss, backward, AdamW."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01)
    network.train()

    def step(batch: Batch) -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            value = loss(batch)
        value.backward()
        optimiser.step()
        if not torch.isfinite(value):
            raise SystemExit("the loss is not finite: the timing would mean nothing")

    return step


def ours(preset: str, precision: torch.dtype) -> Side:
    """The residual network on PCM."""
    family = registry.family("resnet_ctc")
    network = family.Network(registry.configure(family, preset), UNITS + 1)

    def loss(batch: Batch) -> Tensor:
        (scores,) = network.scores(batch.pcm)
        counts = torch.tensor([len(row) for row in batch.labels])
        return losses.ctc(scores.float(), network.output_lengths(batch.samples), torch.cat(batch.labels), counts)

    return Side(f"resnet_ctc {preset}", count(network), stepper(network, loss, precision), [])


def peer(subsampling: int, parameters: int, precision: torch.dtype) -> Side:
    """ParakeetForCTC on log-mels: six layers, four heads, inner width four times the width, and as wide as brings it
    nearest to the number of parameters; everything else as its config has it."""
    from transformers import ParakeetCTCConfig, ParakeetEncoderConfig, ParakeetForCTC

    def build(width: int) -> Any:
        encoder = ParakeetEncoderConfig(
            hidden_size=width,
            num_hidden_layers=6,
            num_attention_heads=4,
            intermediate_size=4 * width,
            subsampling_factor=subsampling,
            # Half the width, as in the published large model (512 and 256).
            subsampling_conv_channels=width // 2,
            num_mel_bins=80,
        )
        # Parakeet's blank is its last unit, which pads labels too.
        return ParakeetForCTC(
            ParakeetCTCConfig(vocab_size=UNITS + 1, pad_token_id=UNITS, encoder_config=encoder.to_dict())
        )

    network = min((build(width) for width in range(96, 769, 16)), key=lambda n: abs(count(n) - parameters))

    def loss(batch: Batch) -> Tensor:
        frames = batch.samples // LogMel.SHIFT
        mask = torch.arange(batch.features.shape[1]) < frames[:, None]
        labels = nn.utils.rnn.pad_sequence([row - 1 for row in batch.labels], True, float(UNITS))
        return network(input_features=batch.features, attention_mask=mask, labels=labels).loss

    width = network.config.encoder_config.hidden_size
    return Side(f"ParakeetForCTC, 6 layers of {width}", count(network), stepper(network, loss, precision), [])


def count(network: nn.Module) -> int:
    """Parameters."""
    return sum(p.numel() for p in network.parameters())


def measure(sides: list[Side], batches: list[Batch], steps: int, warm_up: int) -> float:
    """Takes turns, `steps` each; gives the seconds of audio of the counted steps."""
    for i in range(warm_up + steps):
        for side in sides if i % 2 else sides[::-1]:
            begin = time.perf_counter()
            side.step(batches[i % len(batches)])
            if i >= warm_up:
                side.taken.append(time.perf_counter() - begin)
    return sum(batches[i % len(batches)].seconds for i in range(warm_up, warm_up + steps))


def main() -> None:
    """Prints the speeds and the ratio, and writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="4m")
    parser.add_argument("--steps", type=int, default=40, help="counted steps of each side")
    parser.add_argument("--warm-up", type=int, default=4, help="steps before that, so that each shape has been seen")
    parser.add_argument("--batch-seconds", type=float, default=120)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="autocast, both sides")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "train-speed.json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    precision = getattr(torch, args.precision)
    load = os.getloadavg()[0]

    features = LogMel(80)
    batches = make_batches(args.batch_seconds, features)
    family = registry.family("resnet_ctc")
    own = ours(args.preset, precision)
    other = peer(registry.configure(family, args.preset).subsampling, own.parameters, precision)
    if abs(other.parameters / own.parameters - 1) > 0.15:
        raise SystemExit(f"no peer of like size: {other.parameters} parameters, ours {own.parameters}")
    # What features alone cost, timed among the others.
    alone = Side("log-mel features", 0, lambda batch: (features(batch.pcm, Tape()), None)[1], [])
    audio = measure([own, other, alone], batches, args.steps, args.warm_up)

    speeds = {side.name: audio / sum(side.taken) for side in (own, other)}
    ratio = speeds[own.name] / speeds[other.name]
    like = (sum(other.taken) + sum(alone.taken)) / sum(own.taken)
    result = {
        "question": "audio seconds trained on in a second: forward, CTC loss, backward, AdamW",
        "command": f"python benchmarks/train_speed.py --preset {args.preset} --steps {args.steps} --threads "
        f"{args.threads} --batch-seconds {args.batch_seconds:g} --precision {args.precision}",
        "machine": {**machine.describe(), "load_at_start": round(load, 2)},
        "versions": machine.versions(["resonet", "torch", "transformers"]),
        "audio_seconds": round(audio, 1),
        "sides": [
            {
                "name": side.name,
                "parameters": side.parameters,
                "wall_seconds": round(sum(side.taken), 3),
                "audio_seconds_per_second": round(audio / sum(side.taken), 1),
            }
            for side in (own, other, alone)
        ],
        "ratio_peer_without_features": round(ratio, 3),
        "ratio_same_work": round(like, 3),
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for side in (own, other, alone):
        size = f"{side.parameters / 1e6:.2f} M parameters" if side.parameters else ""
        print(f"{side.name:<32} {audio / sum(side.taken):8.1f} x real time  {size}")
    print(f"ours / peer: {ratio:.2f} (peer without features), {like:.2f} (same work)")
    print(f"load at start {load:.2f}, {args.threads} threads, {args.precision}")


if __name__ == "__main__":
    main()
