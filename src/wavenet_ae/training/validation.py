"""What a validation adds up, over its batches and over processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import perplexity
from wavenet_ae.distributed import all_reduce_sum_float64
from wavenet_ae.metrics.bitrate import (
    NATS_PER_BIT,
    CodeStatistics,
    bits_per_second,
    speaker_bitrate,
    stream_bitrates,
    summed_over_streams,
)
from wavenet_ae.metrics.likelihood import control_names
from wavenet_ae.models import CodeModel, GenerativeModel, SpeechModel
from wavenet_ae.stream_names import ONLY_STREAM, of_stream
from wavenet_ae.types import BottleneckOutput, ModelOutput

VALIDATION_SECTIONS = ("validation/", "bitrate/")  # of what is logged


class ValidationSums:
    """Sums of NLLs in nats, of what the objective's terms report, of KLs, and of how often each
    code is used.

    Processes meet in `over_processes` only, so that one may have more batches than another.
    """

    def __init__(self, model: SpeechModel, device: torch.device) -> None:
        self.model, self.device = model, device
        # Sums for the NLL and for what each control adds to it: nats, and numbers of samples; on
        # the CPU, as not all devices have float64.  A model without a decoder has none.
        self.names: tuple[str, ...] = ()
        if isinstance(model, GenerativeModel):
            self.names = ("nll", *control_names(model))
        self.nats = torch.zeros(len(self.names), 2, dtype=torch.float64)
        self.terms: dict[str, Tensor] = {}  # sum and number (2,) of what each term reports
        self.items = torch.zeros(2, dtype=torch.float64)  # all, and those of known speakers
        self.streams = model.code_streams if isinstance(model, CodeModel) else ()
        self.codes = {  # of streams with codebooks, by name
            each.name: CodeStatistics.none(each.bottleneck.num_codebooks, size, device)
            for each in self.streams
            if (size := each.bottleneck.codebook_size)
        }
        # Sums of the KL of each stream: nats, and numbers of codes.
        self.kls = torch.zeros(len(self.streams), 2, dtype=torch.float64)

    def add(
        self, own: ModelOutput, controls: Iterable[tuple[str, ModelOutput]], speaker: Tensor
    ) -> None:
        """Predictions of a batch, those of its controls, and its speaker rows (B,).

        Another speaker is a control of items whose own speaker the model knows.
        """
        is_known = (speaker < len(self.model.speakers)).cpu()
        self.items += torch.tensor([len(speaker), int(is_known.sum())])
        if own.nll is not None:
            nats, num_samples = _item_nats(own), own.nll.shape[1]
            self.nats[0] += torch.tensor([nats.sum(), len(nats) * num_samples])
            for name, other in controls:
                more = _item_nats(other) - nats
                more = more[is_known] if name == "other_speaker" else more
                row = self.names.index(name)
                self.nats[row] += torch.tensor([more.sum(), len(more) * num_samples])
        self.add_streams(own.streams)

    def add_terms(self, sums: Mapping[str, Tensor]) -> None:
        """Adds what the objective's terms report of a batch: sums and numbers (2,) by name."""
        for name, each in sums.items():
            total = each.detach().cpu().double()
            self.terms[name] = self.terms[name] + total if name in self.terms else total

    def add_streams(self, outputs: Mapping[str, BottleneckOutput]) -> None:
        """Adds codes and KLs of a batch, of each stream by its name."""
        for row, stream in enumerate(self.streams):
            output = outputs.get(stream.name)
            if output is None:
                continue
            if output.codes is not None and stream.name in self.codes:
                self.codes[stream.name] = self.codes[stream.name].added(output.codes)
            if "kl" in output.losses:
                kl = output.losses["kl"].cpu().double()
                self.kls[row] += torch.tensor([kl.sum(), kl.numel()])

    def over_processes(self) -> None:
        """Adds what other processes have seen; call it once, in all of them."""
        self.nats, self.items, self.kls = (
            all_reduce_sum_float64(each, self.device) for each in (self.nats, self.items, self.kls)
        )
        if self.terms:
            totals = all_reduce_sum_float64(torch.stack([*self.terms.values()]), self.device)
            self.terms = dict(zip(self.terms, totals, strict=True))
        self.codes = {name: each.over_processes() for name, each in self.codes.items()}

    def metrics(self) -> dict[str, Tensor]:
        """Returns what the objective's terms report, NLLs in nats per target and what follows; the
        use of codes as a mean over codebooks, of all streams and of each of several.
        """
        metrics = {name: (total / count).float() for name, (total, count) in self.terms.items()}
        if self.names:
            metrics |= self._nll_metrics()
        return metrics | self._code_metrics()

    def _code_metrics(self) -> dict[str, Tensor]:
        used = {  # without streams that do not quantize yet
            name: (perplexity(each.counts.float()), (each.counts > 0).float().flatten())
            for name, each in self.codes.items()
            if each.counts.any()
        }
        if not used:
            return {}
        perplexities, shares = zip(*used.values(), strict=True)  # (H,) and (H * K,) of each stream
        metrics = {
            "perplexity": torch.cat(perplexities).mean(),
            "codes_used": torch.cat(shares).mean(),
        }
        for name, (own, share) in used.items():
            metrics[of_stream("perplexity", name)] = own.mean()
            metrics[of_stream("codes_used", name)] = share.mean()
        return metrics

    def _nll_metrics(self) -> dict[str, Tensor]:
        means = self.nats[:, 0] / self.nats[:, 1]  # NaN where there was no item
        nll, *gains = means.float()
        plan = self.model.window(int(self.model.hop))
        target_rate = self.model.sample_rate / plan.target_hop
        metrics = {"nll": nll, f"bits_per_{plan.target_unit}": nll / NATS_PER_BIT}
        for name, gain, count in zip(self.names[1:], gains, self.nats[1:, 1], strict=True):
            if count:
                control, _, stream = name.partition("/")
                stream = stream or ONLY_STREAM
                metrics[of_stream(f"nll_{control}", stream)] = nll + gain
                metrics[of_stream(f"nll_increase_{control}", stream)] = gain
                bits = bits_per_second(gain, target_rate)
                metrics[of_stream(f"nll_increase_{control}_bits_per_second", stream)] = bits
        return metrics

    def bitrates(self, utterance_seconds: float) -> dict[str, float]:
        """Returns bits per second, see metrics/bitrate.py; a run of codes ends where its window
        ends.

        The speakers of utterances of this mean length are named where the model knows them.
        """
        all_items, known = self.items.tolist()
        speaker = speaker_bitrate(len(self.model.speakers), utterance_seconds)
        bitrates = {"speaker": speaker * known / all_items}
        of_streams = {}
        for stream, (nats, count) in zip(self.streams, self.kls.tolist(), strict=True):
            code_rate = float(self.model.sample_rate / stream.hop)
            counted = self.codes.get(stream.name)
            of_streams[stream.name] = stream_bitrates(counted, nats, count, code_rate)
        return bitrates | summed_over_streams(of_streams)


def _item_nats(output: ModelOutput) -> Tensor:
    """Returns the nats (B,) of each item's predictions, float64 on the CPU."""
    assert output.nll is not None
    return output.nll.cpu().double().sum(dim=1)
