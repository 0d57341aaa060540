"""Waveforms in memory: what every function that takes one accepts.

A waveform is an array, a tensor on any device, or a list, of the shape (T,), T > 0:

    int16            samples of 16 bits; full scale is 32768
    int32            samples of 24 or 32 bits as soundfile, scipy and torchaudio read them; 2^31
    uint8            samples of 8 bits, whose silence is 128; 128
    floats           of any precision; 1.0, and some decibels beyond

Any other type has no full scale that everybody agrees on, and is refused. So are samples that are
NaN or infinite, and floats so far beyond full scale that they must be integers stored as floats.
"""

from __future__ import annotations

import numbers
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from wavenet_ae.errors import ArgumentError
from wavenet_ae.schema import HIGHEST_RATE_HZ

if TYPE_CHECKING:
    from torch import Tensor

Waveform: TypeAlias = "np.ndarray | Tensor | list[float]"

FULL_SCALE = 32768
# Float files overshoot full scale (1.0) by a few decibels; +18 dB is integers stored as floats.
LARGEST_PEAK = 8.0
SOURCE_RATES_HZ = (1000, HIGHEST_RATE_HZ)

ACCEPTED = "samples are int16, int32, uint8, or floats of full scale 1"


def checked_waveform(waveform: Any, name: str = "waveform") -> np.ndarray:
    """Returns a waveform as samples `(T,)` int16, or float32 or float64 of full scale 1.

    Args:
        waveform: The waveform, as above.
        name: Name of the argument, for errors.

    Raises:
        ArgumentError: It has another type or shape, no samples, samples that are not finite, or a
            peak that does not fit its type.
    """
    samples = to_array(waveform, name, ACCEPTED)
    kind = samples.dtype.name
    if kind not in ("int16", "int32", "uint8") and samples.dtype.kind != "f":
        raise ArgumentError(f"{name} is {kind} {samples.shape}, but {ACCEPTED}{_remedy(samples)}")
    _require_one_dimension(samples, name)
    if not len(samples):
        raise ArgumentError(f"{name} is empty: there are no samples")
    if kind == "int16":
        return samples
    if samples.dtype.kind != "f":
        return _from_integers(samples, name)
    if fault := non_finite(samples):
        raise ArgumentError(f"{name} is {fault}: remove or replace them")
    if fault := out_of_range(samples):
        raise ArgumentError(f"{name} is {fault}: divide it (by 32768, if it has 16 bits)")
    return samples.astype(np.float64 if kind == "float64" else np.float32, copy=False)


def checked_signal(signal: Any, name: str = "waveform") -> np.ndarray:
    """Returns a waveform `(T,)` of any scale as float64, for what does not depend on the scale.

    Args:
        signal: Integers or floats, T >= 0.
        name: Name of the argument, for errors.

    Raises:
        ArgumentError: It has another type or shape, or samples that are not finite.
    """
    accepted = "samples are integers or floats"
    samples = to_array(signal, name, accepted)
    if samples.dtype.kind not in "iuf":
        raise ArgumentError(f"{name} is {samples.dtype.name} {samples.shape}, but {accepted}")
    _require_one_dimension(samples, name)
    if fault := non_finite(samples):
        raise ArgumentError(f"{name} is {fault}: remove or replace them")
    return samples.astype(np.float64)


def checked_rate(rate: Any, name: str = "rate", allowed: tuple[int, int] = SOURCE_RATES_HZ) -> int:
    """Returns a sample rate in Hz as an integer.

    Args:
        rate: The rate, a whole number.
        name: Name of the argument, for errors.
        allowed: Its lowest and highest value.

    Raises:
        ArgumentError: It is another one.
    """
    lowest, highest = allowed
    is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
    if not is_number or not lowest <= rate <= highest or rate != int(rate):
        wanted = f"a whole number of Hz from {lowest} to {highest}"
        raise ArgumentError(f"{name} is {rate!r}, but must be {wanted}")
    return int(rate)


def non_finite(waveform: np.ndarray) -> str:
    """Returns how many samples are NaN or infinite, in words; "" if none is."""
    bad = int(np.count_nonzero(~np.isfinite(waveform)))
    return f"non-finite: {bad} of {len(waveform)} samples are NaN or infinite" if bad else ""


def out_of_range(waveform: np.ndarray) -> str:
    """Returns the peak of floats, in words, if it is far beyond full scale; else ""."""
    peak = max(-float(waveform.min()), float(waveform.max()))
    too_high = f"out of range: its peak is {peak:g}, where full scale is 1.0"
    return too_high if peak > LARGEST_PEAK else ""


def to_array(given: Any, name: str, accepted: str) -> np.ndarray:
    """Returns an array in native byte order, whose memory ascends, of what an argument gives.

    Tensors are detached and copied from their device; float16 and bfloat16 become float32.

    Args:
        given: An array, a tensor, or a list of numbers.
        name: Name of the argument, for errors.
        accepted: What it accepts, for errors.

    Raises:
        ArgumentError: It is none of them.
    """
    kind = type(given).__name__
    if isinstance(given, bytes | bytearray | memoryview):
        raise ArgumentError(f"{name} is {kind}, but {accepted}: np.frombuffer names a type")
    torch = sys.modules.get("torch")  # of a caller without torch, nothing is a tensor
    try:
        if torch is not None and isinstance(given, torch.Tensor):
            array = _from_tensor(given)
        else:
            array = np.asarray(given)
    except Exception as error:  # an object's own conversion may raise any
        reason = str(error).partition("\n")[0]
        raise ArgumentError(f"{name} is of type {kind}, but {accepted} ({reason})") from None
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        num_masked = int(np.ma.count_masked(given))
        raise ArgumentError(
            f"{name} has {num_masked} of {array.size} values masked, which stand for nothing: set "
            "them by `.filled(...)`, or remove them by `.compressed()`"
        )
    if array.dtype.kind not in "biufc":
        what = f"an array of {array.dtype.name}" if array is given else f"of type {kind}"
        raise ArgumentError(f"{name} is {what}, but {accepted}")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)


def _from_tensor(tensor: Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.dtype.itemsize < 4:  # numpy has no bfloat16
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg().numpy()


def _require_one_dimension(samples: np.ndarray, name: str) -> None:
    if samples.ndim != 1:
        raise ArgumentError(
            f"{name} has the shape {samples.shape}, but a waveform has one dimension, (samples,): "
            "choose a channel or average them"
        )


def _from_integers(samples: np.ndarray, name: str) -> np.ndarray:
    """Returns int32 or uint8 samples as float32 of full scale 1."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    peak = max(-int(samples.min()), int(samples.max()))
    if 0 < peak <= FULL_SCALE:  # not even one step of 16 bits: integers of 16 bits in a wider type
        raise ArgumentError(
            f"{name} is int32 with a peak of {peak}, where full scale is 2147483648: if its "
            "samples are those of 16 bits, convert them by astype(np.int16)"
        )
    return (samples / 2**31).astype(np.float32)


def _remedy(samples: np.ndarray) -> str:
    if samples.dtype.kind not in "iu":
        return ""
    return ": convert them by astype(np.int16), if they are those of 16 bits"
