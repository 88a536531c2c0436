"""The contract of classifiers, over every file in models/classifiers, and what each family is besides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from contract import LABELS, Case, cases, parameters, sound, tones
from streaming_contract import StreamingContract, check_sizes, fresh, multiply_adds, whole
from torch import nn

from resonet.models import registry
from resonet.models.calibration import calibrated
from resonet.models.classifiers import bc_resnet
from resonet.models.layers import LogMel, Tape
from resonet.train import export

CASES = cases("classifiers")


def streams(case: Case) -> bool:
    return bool(registry.family(case.family, case.kind).Network.streams)


@pytest.fixture(scope="module", params=[c for c in CASES if streams(c)], ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def network(case: Case) -> Any:
    return case.network()


class TestStreaming(StreamingContract):
    export = staticmethod(export.classifier)


@pytest.mark.parametrize("case", CASES, ids=str)
@torch.no_grad()
def test_clips(case: Case) -> None:
    network = case.network()
    pcm = sound(3, 20000)
    answers = network.clips(pcm)
    assert answers.shape == (3, LABELS) and answers.dtype == torch.float32
    torch.testing.assert_close(answers.exp().sum(-1), torch.ones(3))
    assert float((answers[0] - answers[1]).abs().max()) > 1e-4, "what is heard makes a difference"
    torch.testing.assert_close(network.clips(pcm[1:2]), answers[1:2], atol=1e-4, rtol=0)
    plain, hidden = (network.clips(pcm, mask=mask) for mask in (lambda x: x, lambda x: x * 0))
    torch.testing.assert_close(plain, answers, atol=1e-4, rtol=0)
    torch.testing.assert_close(hidden[0], hidden[1], atol=1e-4, rtol=0)
    assert network.clips(pcm, torch.tensor([0, 7, 14])).shape == (3, LABELS)
    for samples in (1, 160, 4001):
        assert bool(network.clips(pcm[:, :samples]).isfinite().all())
    assert network.fit in ("gradient", "closed_form")
    assert network.stride % LogMel.SHIFT == 0 and 2 <= network.config.subsampling <= 8


def test_the_last_frame_judges_the_clip(network: Any) -> None:
    pcm = sound(2, 24000 + 77)
    with torch.no_grad():
        torch.testing.assert_close(network.clips(pcm), whole(network, pcm)[:, -1], atol=1e-4, rtol=0)
    assert network.delay * network.stride <= 0.12 * LogMel.SAMPLE_RATE


@pytest.mark.filterwarnings("ignore:TF32")
def test_a_stream_computes_no_window_twice(network: Any) -> None:
    """A hop costs its share of a window, not the window; a narrowing TimeConv multiplies its context again."""
    whole_window = multiply_adds(network, network.window * network.stride)
    assert multiply_adds(network, network.stride) * network.window < 1.6 * whole_window


@torch.no_grad()
def test_the_mean_over_the_window_leaves_out_what_was_not_heard() -> None:
    network = Case("classifiers", "tc_resnet", {"window": 0.4}).network()
    assert network.stride == 1280 and network.window == 5
    x = torch.randn(2, 9, 3)
    expected = torch.stack([x[:, max(0, t - 4) : t + 1].mean(1) for t in range(9)], 1)
    torch.testing.assert_close(network.over_window(x, Tape()), expected, atol=1e-5, rtol=1e-5)
    tape = Tape(keep=True)
    first = network.over_window(x[:, :3], tape)
    rest = network.over_window(x[:, 3:], Tape(tape.state()))
    torch.testing.assert_close(torch.cat([first, rest], 1), expected, atol=1e-5, rtol=1e-5)
    assert network.over_window(x.bfloat16(), Tape()).dtype == torch.float32


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("name", registry.families("classifiers"))
def test_sizes_are_as_documented(name: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    def one_clip(network: Any) -> float:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, LogMel.SAMPLE_RATE))
        return counter.get_total_flops() / 2

    module = registry.family(name, "classifiers")
    check_sizes(name, "classifiers", LABELS, None if module.Network.streams else one_clip)


@pytest.mark.parametrize("preset", ["1", "2", "3", "6", "8"])
def test_bc_resnet_is_as_large_as_the_published_one(preset: str) -> None:
    network = bc_resnet.Network(registry.configure(bc_resnet, preset), 12)
    published = {"1": 9232, "2": 27284, "3": 54168, "6": 187812, "8": 321068}
    assert parameters(network) == published[preset]


def test_sub_spectral_norm_is_as_published() -> None:
    """Chang et al. see five bands of a channel as five channels; layout [batch, channels, bands, time]."""
    norm = bc_resnet.SubSpectralNorm(3, 20).train()
    x = torch.randn(4, 7, 20, 3)  # batch, time, bands, channels
    theirs = nn.BatchNorm2d(15)(x.permute(0, 3, 2, 1).reshape(4, 15, 4, 7)).reshape(4, 3, 20, 7)
    torch.testing.assert_close(norm(x), theirs.permute(0, 3, 2, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["tc_resnet", "resnet"])
def test_residual_blocks_begin_as_their_skips(family: str) -> None:
    module = registry.family(family, "classifiers")
    block = module.Block(6, 6, 9, 1) if family == "tc_resnet" else module.Block(6, 6, 1)
    x = torch.rand(2, 8, 6) if family == "tc_resnet" else torch.rand(2, 8, 5, 6)
    torch.testing.assert_close(block(x, Tape()), x)


def test_settings_that_do_not_fit() -> None:
    from resonet.errors import UsageError

    with pytest.raises(UsageError, match="one entry a block"):
        registry.configure(registry.family("tc_resnet", "classifiers"), "8", {"strides": (2, 2)})
    with pytest.raises(UsageError, match=r"network.mels"):
        registry.configure(bc_resnet, "1", {"mels": 64})


CLOSED = [
    Case("classifiers", "svm"),
    Case("classifiers", "svm", {"kernel": "rbf", "penalty": 10.0}),
    Case("classifiers", "hmm", {"passes": 4}),
    Case("classifiers", "hmm", {"mixtures": 3, "states": 4, "passes": 4}),
]


@pytest.mark.parametrize("case", CLOSED, ids=str)
class TestClosedForms:
    """What learns without gradients."""

    def test_it_learns_what_it_is_shown(self, case: Case) -> None:
        network = fresh(case)
        network.learn(*tones(8, LABELS))
        pcm, targets = tones(4, LABELS)
        answers = network.clips(pcm)
        assert float((answers.argmax(1) == targets).float().mean()) > 0.9
        assert float(nn.functional.nll_loss(answers, targets)) < 1.0
        assert not answers.requires_grad

    def test_labels_with_one_clip_and_with_none(self, case: Case) -> None:
        pcm, targets = tones(6, LABELS)
        keep = (targets != 5) & ((targets != 3) | (torch.arange(len(targets)) < LABELS))
        network = fresh(case)
        network.learn(pcm[keep], targets[keep])
        answers = network.clips(pcm)
        assert bool(answers.isfinite().all()) and float(answers[:, 5].exp().mean()) < 0.1
        rest = (targets != 5) & (targets != 3)
        assert float((answers.argmax(1) == targets)[rest].float().mean()) > 0.8

    def test_the_same_clips_make_the_same_weights(self, case: Case) -> None:
        pcm, targets = tones(3, LABELS)
        one, other = fresh(case), fresh(case)
        for network in (one, other):
            network.learn(pcm, targets)
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
        assert all(not p.requires_grad for p in one.parameters())


def test_svm_draws_from_too_many_clips() -> None:
    network = fresh(Case("classifiers", "svm", {"kernel": "rbf", "penalty": 10.0, "examples": 30}))
    network.learn(*tones(6, LABELS))
    assert 0 < len(network.support) <= 30 and len(network.weight) == len(network.support)


@pytest.fixture(scope="module")
def hmm() -> Any:
    return Case("classifiers", "hmm", {"passes": 4}).network()


class TestHmm:
    """It does not stream, so that clips are all there is."""

    @torch.no_grad()
    def test_only_the_window_counts(self, hmm: Any) -> None:
        pcm = sound(2, 30000)
        assert hmm.window * hmm.stride == 16000 and hmm.receptive_field == hmm.window
        torch.testing.assert_close(hmm(pcm), hmm(pcm[:, -16000:]), atol=1e-4, rtol=0)
        short = sound(2, 5000)
        torch.testing.assert_close(hmm(short), hmm(nn.functional.pad(short, (11000, 0))), atol=1e-4, rtol=0)

    def test_onnx_is_pytorch(self, hmm: Any) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(export.classifier(hmm), providers=["CPUExecutionProvider"])
        for samples, batch in ((1, 1), (999, 3), (16000, 2), (16001, 1), (50000, 2)):
            pcm = sound(batch, samples)
            (found,) = session.run(["log_probs"], {"pcm": pcm.numpy()})
            torch.testing.assert_close(torch.from_numpy(found), hmm(pcm), atol=1e-4, rtol=1e-4)

    def test_a_state_dict_makes_the_same_network(self, hmm: Any) -> None:
        other = fresh(Case("classifiers", "hmm", {"passes": 4}))
        other.load_state_dict(hmm.state_dict())
        pcm = sound(2, 16000)
        assert torch.equal(other(pcm), hmm(pcm))

    @torch.no_grad()
    def test_the_best_path_by_hand(self) -> None:
        """Two states, three frames: it may leave after the first or the second, and must end in the last."""
        module = registry.family("hmm", "classifiers")
        network = module.Network(module.Config(states=2, mixtures=1, cepstra=1, window=0.06), 1)
        network.centres[0, 1] = 2.0
        network.stay[:] = torch.tensor([[0.6, 0.5]])
        x = torch.zeros(1, 3, 3)
        x[0, 1], x[0, 2] = 0.5, 2.0
        near, far = (-0.5 * 3 * (d**2 + torch.log(torch.tensor(2 * torch.pi))) for d in (0.0, 1.5))
        middle = -0.5 * 3 * (0.5**2 + torch.log(torch.tensor(2 * torch.pi)))
        early = near + far + near + torch.log(torch.tensor(0.4 * 0.5))
        late = near + middle + near + torch.log(torch.tensor(0.6 * 0.4))
        assert float(early) < float(late)
        torch.testing.assert_close(network.answers(x)[0, 0], late / 3)


def test_calibration_finds_the_slope_that_made_the_labels() -> None:
    answers = torch.randn(4000, 5)
    offset = torch.tensor([0.0, 1.0, -1.0, 0.5, -0.5])
    labels = torch.distributions.Categorical(logits=answers * 3 + offset).sample()
    slope, found = calibrated(answers, labels)
    assert float(slope) == pytest.approx(3, abs=0.3)
    torch.testing.assert_close((found - found.mean()).float(), offset, atol=0.25, rtol=0)
    slope, found = calibrated(torch.eye(4), torch.arange(4))  # never wrong: finite all the same
    assert 0 < float(slope) < 20 and bool(found.isfinite().all())
