"""Losses over log-probabilities [batch, frames, units]; each is summed over the batch and divided by its units."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def ctc(scores: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006), nats a target unit.

    targets: all rows end to end (int64 [sum of target_lengths]). Summed, not averaged a row: a short utterance would
    weigh as much as a long one.
    """
    loss = F.ctc_loss(
        scores.transpose(0, 1), targets, lengths, target_lengths, blank=0, reduction="sum", zero_infinity=True
    )
    return loss / max(1, int(target_lengths.sum()))


def consistency(first: Tensor, second: Tensor, lengths: Tensor, target_lengths: Tensor) -> Tensor:
    """CR-CTC (Yao et al. 2024, arXiv 2410.05101): each view predicts the other's distribution; nats a target unit.

    The mean of both directions, as the CTC of two views is their mean: a weight of 0.2 is then the paper's.
    """
    valid = torch.arange(first.shape[1], device=first.device) < lengths.to(first.device).unsqueeze(1)
    loss = first.new_zeros(())
    for guess, truth in ((first, second.detach()), (second, first.detach())):
        divergence = F.kl_div(guess, truth, reduction="none", log_target=True).sum(-1)
        loss = loss + divergence.masked_fill(~valid, 0).sum() / 2
    return loss / max(1, int(target_lengths.sum()))


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Framewise cross entropy against labels [batch, frames] (-1: no frame), nats a frame.

    For recognition the labels are the best path of the transcript through the present scores (Viterbi training).
    """
    return F.nll_loss(scores.flatten(0, 1), labels.flatten(), ignore_index=-1)


def uniform_labels(pcm: Tensor, frames: Tensor, targets: Tensor, target_lengths: Tensor, stride: int) -> Tensor:
    """Labels [batch, frames] for a flat start: units spread evenly over the loud frames, blank elsewhere, -1 after.

    As HMM training begins: CTC alone sits for thousands of steps where every frame says blank, a rough alignment
    lets it begin with units that mean something. Loud: within 20 dB of the recording's 90th percentile.
    """
    labels = torch.full((pcm.shape[0], int(frames.max())), -1)
    rows = zip(labels, pcm, frames.tolist(), targets.split(target_lengths.tolist()), strict=True)
    for label, samples, count, units in rows:
        label[:count] = 0
        padded = F.pad(samples[: count * stride], (0, max(0, count * stride - len(samples))))
        level = torch.log10(padded.view(count, stride).square().mean(1) + 1e-9)
        loud = torch.nonzero(level > level.quantile(0.9) - 2).flatten()
        if len(units):
            label[loud] = units[torch.arange(len(loud)) * len(units) // max(1, len(loud))]
    return labels


def soft_cross_entropy(scores: Tensor, targets: Tensor, smoothing: float, other: Tensor, hardest: float) -> Tensor:
    """Cross entropy of rows, nats a row; scores (log-probs) and targets (probabilities) are [batch, labels].

    `smoothing` is spread over all labels (Szegedy et al. 2016, arXiv 1512.00567). Of the rows marked in `other` (bool
    [batch]) only the share `hardest` with the highest loss counts: online hard examples (Shrivastava et al. 2016, arXiv
    1604.03540).
    """
    targets = targets * (1 - smoothing) + smoothing / targets.shape[1]
    loss = -(targets * scores).sum(1)
    hard = loss[other]
    kept = hard.topk(max(1, round(hardest * len(hard)))).values if len(hard) else hard
    return torch.cat([loss[~other], kept]).mean()


def structural_similarity(found: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """1 - SSIM (Wang et al. 2004) of spectrograms [batch, frames, mels] as images, 0..2; valid: bool [batch, frames].

    Windows of 7 x 7, evenly weighted; values are taken to be some deviations wide. It sees what an L1 averages away:
    that harmonics and onsets have contrast.
    """
    inside = valid.unsqueeze(2).to(found.dtype)
    x, y = (found * inside).unsqueeze(1), (wanted * inside).unsqueeze(1)

    def mean(z: Tensor) -> Tensor:
        return F.avg_pool2d(z, 7, stride=1, padding=3)

    mean_x, mean_y = mean(x), mean(y)
    spread_x, spread_y = mean(x * x) - mean_x * mean_x, mean(y * y) - mean_y * mean_y
    both = mean(x * y) - mean_x * mean_y
    # The usual constants (0.01 and 0.03 of the range, squared), for a range of 6 deviations.
    c1, c2 = 0.0036, 0.0324
    similar = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    similar = similar / ((mean_x * mean_x + mean_y * mean_y + c1) * (spread_x + spread_y + c2))
    return ((1 - similar.squeeze(1)) * inside).sum() / (inside.sum() * found.shape[2])


def masked_l1(found: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference of [batch, frames, values] where valid, bool [batch, frames]."""
    inside = valid.unsqueeze(2).to(found.dtype)
    return ((found - wanted).abs() * inside).sum() / (inside.sum() * found.shape[2])


def masked_huber(found: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """Mean Huber loss (1964, quadratic up to 1) of [batch, units] where valid, bool."""
    return (F.huber_loss(found, wanted, reduction="none") * valid).sum() / valid.sum()


# FFT sizes and hops of the multi-resolution loss: 21 to 85 ms at 24 kHz.
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))


def spectral(found: Tensor, wanted: Tensor) -> Tensor:
    """Multi-resolution STFT loss (Yamamoto et al. 2020, arXiv 1910.11480) of sounds [batch, samples].

    Spectral convergence and mean difference of log magnitudes, each the mean over the resolutions.
    """
    total = found.new_zeros(())
    for size, hop in RESOLUTIONS:
        window = torch.hann_window(size, device=found.device)
        x, y = (magnitudes(z, size, hop, window) for z in (found, wanted))
        convergence = (y - x).norm() / y.norm().clamp(min=1e-6)
        total = total + convergence + (y.log() - x.log()).abs().mean()
    return total / len(RESOLUTIONS)


def magnitudes(x: Tensor, size: int, hop: int, window: Tensor) -> Tensor:
    """[batch, samples] -> [batch, frames, bins], at least 1e-3: 60 dB below a sine of amplitude 0.01."""
    spectrum = torch.fft.rfft(x.unfold(1, size, hop) * window)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=1e-6).sqrt()
