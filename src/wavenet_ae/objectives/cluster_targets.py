"""Clusters of a corpus's frames, made beforehand, in a file: what masked prediction predicts.

The file is an uncompressed .npz archive of plain arrays, which is read without executing anything:

    header      JSON: format, fingerprint of the corpus, sample rate, hop, origin, source
    utterances  (U,) keys of the utterances
    lengths     (U,) codes of each utterance
    codes       (sum of lengths,) clusters from 0 to K - 1, one utterance after another
    centers     (K, C) centers of the clusters; (K, 0) for the codes of a codebook
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.errors import UserError, counted
from wavenet_ae.reading import read_bytes, shown
from wavenet_ae.schema import require_none
from wavenet_ae.storage import atomic_write

FORMAT = 1
HEADER_TYPES = {
    "format": int,
    "fingerprint": str,
    "sample_rate": int,
    "hop": int,
    "origin": float,
    "source": str,
}

ARRAYS = ("header", "utterances", "lengths", "codes", "centers")
MOST_CLUSTERS = 1 << 20  # more than any file of ours; each is a row of the head


@dataclass(frozen=True)
class ClusterTargets:
    """A cluster for every frame of a corpus.

    Attributes:
        fingerprint: Fingerprint of the packed corpus.
        sample_rate: Rate of the corpus in Hz.
        hop: Samples from one code to the next.
        origin: Sample at which the first code of an utterance is anchored.
        source: What was clustered, for people.
        utterances: Keys (U,) of the utterances.
        lengths: (U,) int64, codes of each utterance.
        codes: (sum of lengths,) integers.
        centers: (K, C) float32.
    """

    fingerprint: str
    sample_rate: int
    hop: int
    origin: float
    source: str
    utterances: Sequence[str]
    lengths: np.ndarray
    codes: np.ndarray
    centers: np.ndarray

    @property
    def num_clusters(self) -> int:
        """Number of clusters, K."""
        return len(self.centers)

    @property
    def stops(self) -> np.ndarray:
        """Row (U,) of `codes` behind each utterance's last one."""
        return np.cumsum(self.lengths)

    def of(self, row: int) -> np.ndarray:
        """Returns the codes (N,) of an utterance by its row."""
        stop = int(self.stops[row])
        return self.codes[stop - int(self.lengths[row]) : stop]

    def shares(self) -> np.ndarray:
        """Returns the share of all codes (K,) that each cluster has."""
        return np.bincount(self.codes, minlength=self.num_clusters) / max(len(self.codes), 1)

    def at(self, rows: Tensor, anchors: Tensor) -> Tensor:
        """Returns the clusters of the codes nearest to some instants; ties go to the earlier one.

        An instant outside an utterance has the utterance's first or last cluster.

        Args:
            rows: (B,) rows of the utterances.
            anchors: (B, N) float64 instants in samples of each utterance.

        Returns:
            (B, N) int64, on the device of `anchors`.
        """
        which = rows.cpu().numpy()
        instants = anchors.cpu().numpy()
        nearest = np.ceil((instants - self.origin) / self.hop - 0.5).astype(np.int64)
        nearest = np.clip(nearest, 0, self.lengths[which][:, None] - 1)
        first = (self.stops - self.lengths)[which][:, None]  # (B, 1)
        codes = self.codes[first + nearest].astype(np.int64)
        return torch.from_numpy(codes).to(anchors.device)

    def require_corpus(self, fingerprint: str, utterances: Sequence[str], path: Path) -> None:
        """Raises UserError if the targets are not those of a corpus's utterances, row by row."""
        if fingerprint != self.fingerprint or list(utterances) != list(self.utterances):
            raise UserError(
                f"{path} holds the clusters of another corpus (fingerprint {self.fingerprint}, the "
                f"data of this run have {fingerprint}): make the targets from the same recordings, "
                "splits and sample_rate"
            )

    def save(self, path: Path) -> None:
        """Writes the file whole or not at all."""
        header = {name: getattr(self, name) for name in HEADER_TYPES if name != "format"}
        encoded = json.dumps({"format": FORMAT, **header}).encode()
        smallest = np.min_scalar_type(max(self.num_clusters - 1, 0))
        with atomic_write(path) as file:
            np.savez(
                file,
                header=np.frombuffer(encoded, dtype=np.uint8),
                utterances=np.array(
                    [key.encode("utf-8", "surrogateescape") for key in self.utterances]
                ),
                lengths=self.lengths.astype(np.int64),
                codes=self.codes.astype(smallest),
                centers=self.centers.astype(np.float32),
            )

    @classmethod
    def load(cls, path: Path) -> ClusterTargets:
        """Reads a file that `save` wrote.

        Raises:
            UserError: It cannot be read, is damaged, or is another kind of file.
        """
        content = read_bytes(path)
        try:
            arrays = _arrays(content)
            header = json.loads(arrays["header"].tobytes())
            require_none(_header_problems(header))
            keys = [key.decode("utf-8", "surrogateescape") for key in arrays["utterances"].tolist()]
            values: dict[str, Any] = {name: header[name] for name in HEADER_TYPES}
            del values["format"]
            targets = cls(
                **values,
                utterances=keys,
                lengths=arrays["lengths"],
                codes=arrays["codes"],
                centers=arrays["centers"],
            )
            require_none(_array_problems(targets))
        except UserError as error:
            raise UserError(f"{path} holds no cluster targets: {error}") from None
        except Exception as error:  # whatever a damaged archive makes its readers raise
            raise UserError(
                f"{path} holds no cluster targets, or is damaged ({type(error).__name__}: "
                f"{error}): make it again with wavenet-ae cluster"
            ) from None
        return targets


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """Arrays of an archive, which takes no more memory than it has bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > len(content):
                raise ValueError(f"{member.filename} is compressed")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in ARRAYS}
    if any(
        max(each.shape, default=0) > max(len(content), MOST_CLUSTERS) for each in arrays.values()
    ):
        raise ValueError("an array is longer than the file")  # elements without a byte
    return arrays


def _header_problems(header: Any) -> Any:
    if not isinstance(header, dict):
        yield "its header is no mapping"
        return
    for name, kind in HEADER_TYPES.items():
        if not isinstance(header.get(name), kind) or isinstance(header.get(name), bool):
            yield f"{name} is {shown(header.get(name))}"
    if header.get("format") != FORMAT:
        yield f"its format is {header.get('format')!r}, this version reads {FORMAT}"
    if isinstance(header.get("hop"), int) and not 0 < header["hop"] < 2**31:
        yield f"hop is {shown(header['hop'])}"
    if isinstance(header.get("origin"), float) and not abs(header["origin"]) < 2**31:
        yield f"origin is {header['origin']}"


def _array_problems(targets: ClusterTargets) -> Any:
    lengths, codes = targets.lengths, targets.codes
    if lengths.ndim != 1 or codes.ndim != 1 or targets.centers.ndim != 2:
        yield "its arrays have other shapes"
        return
    if lengths.dtype.kind not in "iu" or codes.dtype.kind not in "iu":
        yield "its codes or lengths are no whole numbers"
        return
    if targets.centers.dtype.kind != "f" or not np.isfinite(targets.centers).all():
        yield "its centers are no finite numbers"
    if not 0 < targets.num_clusters <= MOST_CLUSTERS:
        yield f"it has {counted(targets.num_clusters, 'cluster')}, of 1 to {MOST_CLUSTERS}"
    if (
        len(lengths) != len(targets.utterances)
        or (lengths < 1).any()
        or (lengths > len(codes)).any()  # so that their sum does not overflow
        or lengths.sum() != len(codes)
    ):
        yield f"its codes are not those of {counted(len(targets.utterances), 'utterance')}"
        return
    for code in {int(codes.min()), int(codes.max())} if len(codes) else ():
        if not 0 <= code < targets.num_clusters:
            yield f"it has the code {code}, but {counted(targets.num_clusters, 'cluster')}"
