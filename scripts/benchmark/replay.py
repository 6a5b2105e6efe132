"""Sends a capture's packets out of an interface at a given rate: the load of scripts/bench_live.py.

    python3 -m benchmark.replay FILE INTERFACE PACKETS_A_SECOND PACKETS

Prints what was sent and how long it took. Packets are sent from memory, many with one call (sendmmsg(2)), past the
queueing discipline. When the file is through it begins anew with other addresses, so that no connection comes twice.
"""

from __future__ import annotations

import ctypes
import socket
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import examine_file

CHUNK = 64
"""Packets sent with one call: at 100,000 a second, every 0.6 ms."""
SOL_PACKET, QDISC_BYPASS = 263, 20
MOST_SECONDS = 60.0
"""Then it ends, whatever is left."""
HEADER = np.dtype(
    {
        "names": ["iov", "iovlen"],
        "formats": ["u8", "u8"],
        "offsets": [16, 24],
        "itemsize": 64,
    }
)
"""struct mmsghdr of 64-bit Linux, as far as it is not zero."""


def packets_of(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """A capture's bytes, in memory that may be written, and where its packets are."""
    whole = np.fromfile(path, np.uint8)
    starts, sizes, used = [], [], 0
    for batch in FileCapture(examine_file(str(path)), len(whole)).batches():
        assert used == 0, "one batch holds the file"
        starts.append(batch.offset)
        sizes.append(batch.captured)
        used += len(batch)
        # A batch of a whole file begins where the file does.
        assert (batch.data[:4] == whole[:4]).all()
    return whole, np.concatenate(starts), np.concatenate(sizes)


def other_addresses(data: NDArray[np.uint8], starts: NDArray[np.int64], number: int) -> None:
    """Turn one byte of both addresses of each packet; checksums are nobody's concern here."""
    is_v4 = data[starts + 12] == 0x08
    for rows, places in ((starts[is_v4], (27, 31)), (starts[~is_v4], (29, 45))):
        for place in places:
            data[rows + place] ^= number & 0xFF


def main() -> int:
    path, name, rate, count = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    data, starts, sizes = packets_of(path)
    iovecs = np.empty((len(starts), 2), np.uint64)
    iovecs[:, 0] = starts + data.ctypes.data
    iovecs[:, 1] = sizes
    headers = np.zeros(len(starts), HEADER)
    headers["iov"] = iovecs.ctypes.data + 16 * np.arange(len(starts))
    headers["iovlen"] = 1
    send = ctypes.CDLL(None, use_errno=True).sendmmsg
    send.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
        out.setsockopt(SOL_PACKET, QDISC_BYPASS, 1)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        out.bind((name, 0))
        descriptor, base = out.fileno(), headers.ctypes.data
        print("ready", flush=True)
        sys.stdin.readline()
        sent = at = passes = 0
        began = time.perf_counter()
        while sent < count:
            now = time.perf_counter() - began
            if now > MOST_SECONDS:
                break
            if sent > now * rate:
                time.sleep(max(0.0, min(sent / rate - now, 0.0005)))
                continue
            some = min(CHUNK, len(starts) - at, count - sent)
            done = send(descriptor, base + 64 * at, some, 0)
            if done <= 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            sent, at = sent + done, at + done
            if at == len(starts):
                at = 0
                passes += 1
                other_addresses(data, starts, passes ^ (passes - 1))
        print(sent, time.perf_counter() - began, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
