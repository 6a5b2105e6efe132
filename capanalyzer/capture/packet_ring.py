"""One interface's packets as the kernel leaves them in memory: an AF_PACKET socket with a TPACKET_V3 ring.

The kernel copies each packet once, into the block it is filling; a block that is full, or older than ``RETIRE_MS``, is
ours until it is given back. Nothing is copied again, and no call is made per packet (packet(7),
Documentation/networking/packet_mmap.rst).

The rings of several interfaces lie one after the other in one stretch of addresses (:class:`RingMemory`), so that a
batch with packets of all of them needs no copy either: an offset into the stretch tells the ring as well.

The socket only ever receives. It is made without a protocol, which means that nothing reaches it before filter and ring
are in place and it is bound; nothing here can send.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import weakref
from collections import deque
from collections.abc import Sequence
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.bpf import Instruction, attach
from capanalyzer.capture.permission import permission_hint
from capanalyzer.capture.ring_columns import RESERVE_BYTES
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["BLOCK_BYTES", "RETIRE_MS", "PacketRing", "RingMemory"]

BLOCK_BYTES: Final = 256 << 10
"""A packet lies within one block: this holds three of the largest that segmentation offload makes (64 KB), and more
than 150 ordinary ones. Larger ones (BIG TCP, where somebody has allowed it) are cut. When little comes, a block lasts
no longer for being larger (``RETIRE_MS``), so many small ones bridge a longer pause than a few large ones."""

RETIRE_MS: Final = 60
"""A block with packets is handed over after this long at the latest: what a verdict may wait for its last packet."""

_LEAST_BLOCKS: Final = 16
"""A smaller ring drops packets on any hiccup."""

_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _RESERVE = 1, 5, 6, 10, 12
_TPACKET_V3: Final = 2
_PROMISCUOUS: Final = 1
_EVERYTHING: Final = 3
"""ETH_P_ALL."""
_FRAME_BYTES: Final = 2048
"""Has no meaning in version 3 beyond being divisible by 16, and a divisor of a block."""
_REQUEST: Final = Struct("=7I")
"""tpacket_req3: block size, blocks, frame size, frames, retire timeout, private bytes, features."""
_MEMBERSHIP: Final = Struct("=iHH8x")
_ADDRESS: Final = Struct("=HHi12x")
"""struct sockaddr_ll, as far as bind(2) looks at it."""
_STATISTICS_V3: Final = Struct("=3I")
_STATUS: Final = Struct("=I")
_STATUS_AT: Final = 8
_OURS: Final = 1
"""TP_STATUS_USER."""
_MAP_FIXED: Final = 0x10
_MAP_NORESERVE: Final = 0x4000
_FAILED: Final = ctypes.c_void_p(-1).value


class RingMemory:
    """A stretch of addresses in which rings are mapped one after the other, as one array of bytes."""

    def __init__(self, size: int) -> None:
        """:raises OSError: there are not so many addresses left."""
        self._library = ctypes.CDLL(None, use_errno=True)
        self._library.mmap.restype = ctypes.c_void_p
        self._library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        self._library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._size = size
        self._address = self._map(None, size, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
        buffer = (ctypes.c_uint8 * size).from_address(self._address)
        self.data: NDArray[np.uint8] = np.frombuffer(memoryview(buffer), np.uint8)
        """All rings' bytes, shape (size,). Those where no ring is mapped must not be touched."""
        # A view of a batch may outlive the source; its addresses stay good until the last view is gone.
        weakref.finalize(buffer, self._library.munmap, self._address, size)

    def place(self, descriptor: int, at: int, size: int) -> None:
        """Map a ring's socket at byte ``at``.

        :raises OSError: as mmap(2).
        """
        self._map(self._address + at, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | _MAP_FIXED, descriptor)

    def clear(self) -> None:
        """Put zeros in place of the rings: the kernel takes their memory back, views stay readable."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
        self._map(self._address, self._size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1)

    def _map(self, address: int | None, size: int, protection: int, flags: int, descriptor: int) -> int:
        got: int = self._library.mmap(address, size, protection, flags | _MAP_NORESERVE, descriptor, 0)
        if got == _FAILED:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return got


class PacketRing:
    """One socket and its ring. Blocks come in the order in which the kernel filled them."""

    def __init__(
        self,
        name: str,
        index: int,
        *,
        cooked: bool,
        program: Sequence[Instruction],
        promiscuous: bool,
        ring_bytes: int,
    ) -> None:
        """Everything but the mapping; nothing arrives before :meth:`start`.

        :param name: of the interface.
        :param index: the kernel's number for it; 0 for all of them.
        :param cooked: take packets from their network header on.
        :param program: the filter.
        :param ring_bytes: memory for the ring; less where the kernel does not have it.
        :raises CaptureError: no permission, no memory, no such facility.
        """
        self.name, self.index = name, index
        self._lost = 0
        self._held: deque[int] = deque()
        self._next = 0
        """Number of the block that is filled next."""
        kind = socket.SOCK_DGRAM if cooked else socket.SOCK_RAW
        try:
            self.socket = socket.socket(socket.AF_PACKET, kind | socket.SOCK_CLOEXEC, 0)
        except PermissionError as error:
            raise CaptureError(name, Remark("no permission to capture; {hint}", hint=permission_hint())) from error
        except OSError as error:
            raise CaptureError(name, Remark("cannot be captured ({reason})", reason=_says(error))) from error
        try:
            self._prepare(program, promiscuous, ring_bytes)
        except OSError as error:
            self.socket.close()
            raise CaptureError(name, Remark("cannot be captured ({reason})", reason=_says(error))) from error

    def _prepare(self, program: Sequence[Instruction], promiscuous: bool, ring_bytes: int) -> None:
        option = self.socket.setsockopt
        attach(self.socket, program)
        option(_SOL_PACKET, _VERSION, _TPACKET_V3)
        option(_SOL_PACKET, _RESERVE, RESERVE_BYTES)
        self.blocks = max(ring_bytes // BLOCK_BYTES, _LEAST_BLOCKS)
        while True:
            frames = self.blocks * (BLOCK_BYTES // _FRAME_BYTES)
            request = _REQUEST.pack(BLOCK_BYTES, self.blocks, _FRAME_BYTES, frames, RETIRE_MS, 0, 0)
            try:
                option(_SOL_PACKET, _RX_RING, request)
                break
            except OSError as error:
                if error.errno != errno.ENOMEM or self.blocks <= _LEAST_BLOCKS:
                    raise
                self.blocks = max(self.blocks // 2, _LEAST_BLOCKS)
        if promiscuous and self.index:
            option(_SOL_PACKET, _ADD_MEMBERSHIP, _MEMBERSHIP.pack(self.index, _PROMISCUOUS, 0))

    @property
    def size(self) -> int:
        """Bytes of the ring."""
        return self.blocks * BLOCK_BYTES

    def start(self, memory: RingMemory, at: int) -> None:
        """Map the ring at byte ``at`` of the memory, and let packets in.

        :raises CaptureError: the interface has gone, or the ring cannot be mapped.
        """
        try:
            memory.place(self.socket.fileno(), at, self.size)
            self.base = at
            self._view = memory.data[at : at + self.size].data
            self._bind()
        except OSError as error:
            raise CaptureError(self.name, Remark("cannot be captured ({reason})", reason=_says(error))) from error

    def _bind(self) -> None:
        """Receive from here on; Python's own bind knows interfaces by name only, and no name stands for all of them."""
        address = _ADDRESS.pack(socket.AF_PACKET, socket.htons(_EVERYTHING), self.index)
        library = ctypes.CDLL(None, use_errno=True)
        if library.bind(self.socket.fileno(), address, len(address)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def take(self, most: int) -> list[int]:
        """Up to so many more blocks that the kernel has handed over: where they begin in the memory."""
        taken: list[int] = []
        while len(taken) < most and len(self._held) < self.blocks:
            if not self._is_handed_over(self._next):
                break
            at = self._next * BLOCK_BYTES
            taken.append(self.base + at)
            self._held.append(at)
            self._next = (self._next + 1) % self.blocks
        return taken

    def is_ready(self, count: int) -> bool:
        """So many more blocks are handed over."""
        last = (self._next + count - 1) % self.blocks
        return len(self._held) + count <= self.blocks and self._is_handed_over(last)

    def _is_handed_over(self, block: int) -> bool:
        return bool(_STATUS.unpack_from(self._view, block * BLOCK_BYTES + _STATUS_AT)[0] & _OURS)

    @property
    def held(self) -> int:
        """Blocks taken and not given back."""
        return len(self._held)

    def give_back(self, count: int) -> None:
        """The kernel may fill the ``count`` blocks again that were taken first."""
        for _ in range(count):
            _STATUS.pack_into(self._view, self._held.popleft() + _STATUS_AT, 0)

    def lost(self) -> int:
        """Packets since the start that passed the filter and found no room in the ring."""
        # Reading them sets the kernel's counters to zero.
        answer = self.socket.getsockopt(_SOL_PACKET, _STATISTICS, _STATISTICS_V3.size)
        self._lost += _STATISTICS_V3.unpack(answer.ljust(_STATISTICS_V3.size, b"\0"))[1]
        return self._lost

    def trouble(self) -> int:
        """The socket's pending error, 0 without one: ENETDOWN when the interface went down or away."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def close(self) -> None:
        """Let go of socket and ring; the memory it was mapped in is to be cleared as well."""
        self.socket.close()


def _says(error: OSError) -> str:
    if error.errno == errno.ENOMEM:
        return Remark("the kernel has no memory for the ring")
    if error.errno == errno.ENODEV:
        return Remark("there is no such interface")
    if error.errno in (errno.EINVAL, errno.ENOPROTOOPT, errno.EAFNOSUPPORT):
        return Remark("this kernel has no packet rings; try --backend scapy")
    return error.strerror or str(error)
