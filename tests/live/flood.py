"""A flood of SYNs from forged sources, as columns."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch

_FRAME: Final = bytes.fromhex(
    "020000000001020000000002"  # MAC addresses
    "0800"
    "4500002c000040004006" + "0000" + "00000000" + "c6336414"  # IPv4 to 198.51.100.20
    "000001bb" + "00000000" + "00000000" + "6002faf0" + "0000" + "0000"  # SYN to port 443
    "020405b4"  # MSS 1460
)
_SOURCE, _PORT, _SEQ = 26, 34, 38


def syns(count: int, *, first_frame: int, start_ns: int, step_ns: int, seed: int) -> RecordBatch:
    """So many SYNs, each from another address and port."""
    random = np.random.default_rng(seed)
    frames = np.tile(np.frombuffer(_FRAME, np.uint8), (count, 1))
    for at, size in ((_SOURCE, 4), (_PORT, 2), (_SEQ, 4)):
        frames[:, at : at + size] = random.integers(0, 256, (count, size), np.uint8)
    frames[:, _SOURCE] = 10
    return batch_of(frames, first_frame, start_ns + step_ns * np.arange(count))


def refused(count: int, *, first_frame: int, start_ns: int, step_ns: int, seed: int) -> RecordBatch:
    """So many SYNs as above, each answered by a reset: a scan of closed ports."""
    asked = syns(count, first_frame=first_frame, start_ns=start_ns, step_ns=2 * step_ns, seed=seed)
    size = len(_FRAME)
    frames = np.repeat(asked.data[: size * count].reshape(count, size), 2, axis=0)
    answers = frames[1::2]
    answers[:, 26:30], answers[:, 30:34] = frames[::2, 30:34], frames[::2, 26:30]
    answers[:, 34:36], answers[:, 36:38] = frames[::2, 36:38], frames[::2, 34:36]
    seq = frames[::2, _SEQ : _SEQ + 4].copy().view(">u4") + 1
    answers[:, 42:46] = seq.astype(">u4").view(np.uint8)
    answers[:, _SEQ : _SEQ + 4] = 0
    answers[:, 47] = 0x14
    return batch_of(frames, first_frame, start_ns + step_ns * np.arange(2 * count))


def batch_of(frames: NDArray[np.uint8], first_frame: int, time_ns: NDArray[np.int64]) -> RecordBatch:
    """Ethernet frames of one size as a batch, shape (n, size)."""
    count, size = frames.shape
    length = np.full(count, size, np.int64)
    return RecordBatch(
        data=np.concatenate([frames.ravel(), np.zeros(256, np.uint8)]),
        offset=size * np.arange(count, dtype=np.int64),
        captured=length,
        original=length,
        time_ns=time_ns.astype(np.int64),
        link=np.ones(count, np.uint16),
        first_frame=first_frame,
    )
