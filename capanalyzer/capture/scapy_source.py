"""Live packets through scapy's capture sockets over libpcap: for systems without packet rings, or when asked for.

Raw bytes only: nothing is dissected by scapy. The header that libpcap gives with each packet is read as it is, so that
times keep their microseconds and lengths are the wire's. It costs some Python for each packet; the ring of
:mod:`capanalyzer.capture.live_interface` does not.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from capanalyzer.capture.linktypes import link_type
from capanalyzer.capture.live_source import Drops, News
from capanalyzer.capture.permission import permission_hint
from capanalyzer.capture.reader import add_up
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["ScapySource"]

_BATCH_PACKETS: Final = 20_000
_BATCH_BYTES: Final = 8 << 20

_LATE_NS: Final = 250_000_000
"""scapy has libpcap hand packets over after 100 ms at the latest; a busy machine adds to that."""

_POLL_S: Final = 0.1
"""Some systems' capture devices wake nobody when their buffer's time is over."""


class _Tap:
    """One socket."""

    def __init__(self, name: str, opened: Any, libpcap: Any) -> None:
        self.name, self.opened, self.libpcap = name, opened, libpcap
        self.handle = opened.pcap_fd.pcap
        opened.pcap_fd.setnonblock(True)
        self.link = link_type(opened.pcap_fd.datalink())
        self.is_open = True
        self.lost = Drops()

    def complaint(self) -> str:
        """The last error text of libpcap."""
        return _text(self.libpcap.pcap_geterr(self.handle))

    def count_drops(self) -> None:
        """Ask for the counters; where a system has none, they stay as they are."""
        told = self.libpcap.pcap_stat()
        if self.libpcap.pcap_stats(self.handle, ctypes.byref(told)) == 0:
            self.lost = Drops(max(told.ps_drop, self.lost.ring), max(told.ps_ifdrop, self.lost.interface))


class ScapySource:
    """Live packets of interfaces, see :class:`capanalyzer.capture.live_source.LiveSource`."""

    def __init__(self, names: Sequence[str], *, expression: str | None = None, promiscuous: bool = True) -> None:
        """Open the sockets; packets come in from here on.

        :param names: of interfaces, as the system or scapy names them.
        :param expression: a filter in the language of pcap-filter(7); empty or None lets everything in.
        :param promiscuous: take frames too that are addressed to other hosts.
        :raises CaptureError: no scapy, no libpcap, no such interface, no permission, no such filter.
        """
        chosen = list(dict.fromkeys(names))
        self.info = CaptureInfo(",".join(chosen), "live", interfaces=chosen)
        self._news = News(self.info)
        self._taps: list[_Tap] = []
        self._frames = 0
        self._clock_ns = 0
        self._is_closed = False
        socket_class, library = _scapy(chosen[0])
        try:
            for name in chosen:
                self._taps.append(_Tap(name, _open(socket_class, name, expression, promiscuous), library))
        except BaseException:
            self.close()
            raise
        self._header = ctypes.POINTER(library.pcap_pkthdr)()
        self._data = ctypes.POINTER(library.u_char)()

    @property
    def ended(self) -> bool:
        """Whether no socket is left."""
        return self._is_closed or not any(tap.is_open for tap in self._taps)

    def read(self, timeout_s: float) -> RecordBatch | None:
        """See :class:`LiveSource`."""
        until = time.monotonic() + timeout_s
        while not self.ended:
            before_ns = time.time_ns()
            batch, is_all = self._take()
            self._clock_ns = min(self._clock_ns, before_ns)  # it may have been set back
            if is_all:
                self._clock_ns = max(self._clock_ns, before_ns - _LATE_NS)
            if batch is not None:
                self._clock_ns = max(self._clock_ns, int(batch.time_ns.max()))
                return batch
            left = until - time.monotonic()
            if left <= 0 or self.ended:
                return None
            waiting = [tap.opened for tap in self._taps if tap.is_open]
            waiting[0].select(waiting, min(left, _POLL_S))
        return None

    def drops(self) -> Drops:
        """See :class:`LiveSource`, as far as libpcap knows on this system."""
        for tap in self._taps if not self._is_closed else ():
            tap.count_drops()
        return Drops(sum(tap.lost.ring for tap in self._taps), sum(tap.lost.interface for tap in self._taps))

    def news(self) -> list[Remark]:
        """See :class:`LiveSource`."""
        return self._news.take()

    def interfaces(self) -> Mapping[str, int]:
        """See :class:`LiveSource`: libpcap tells no more than that one can be read, or not any longer."""
        still = sum(tap.is_open for tap in self._taps)
        return {"up": still, "down": 0, "gone": len(self._taps) - still}

    def now_ns(self) -> int:
        """See :class:`LiveSource`: everything that came in before this has been handed on."""
        return self._clock_ns

    def close(self) -> None:
        """See :class:`LiveSource`."""
        if self._is_closed:
            return
        self.drops()
        self._is_closed = True
        for tap in self._taps:
            tap.opened.close()

    def _take(self) -> tuple[RecordBatch | None, bool]:
        """What is there, and whether that was all of it."""
        data = bytearray()
        rows: list[tuple[int, int, int, int, int, int]] = []
        is_all = True
        for place, tap in enumerate(self._taps):
            if tap.is_open:
                is_all &= self._drain(tap, place, data, rows)
        if not rows:
            return None, is_all
        columns = np.array(rows, np.int64)
        if len(self._taps) > 1:
            columns = columns[np.argsort(columns[:, 3], kind="stable")]
        offset, captured, original, time_ns, link, interface = (np.ascontiguousarray(each) for each in columns.T)
        links = link.astype(np.uint16)
        add_up(self.info, captured, original, time_ns, links)
        batch = RecordBatch(
            np.frombuffer(data, np.uint8),
            offset,
            captured,
            original,
            time_ns,
            links,
            self._frames + 1,
            interface if len(self._taps) > 1 else None,
        )
        self._frames += len(batch)
        return batch, is_all

    def _drain(self, tap: _Tap, place: int, data: bytearray, rows: list[tuple[int, int, int, int, int, int]]) -> bool:
        """Packets of one socket, up to a batch's size; whether that was all of them."""
        read = tap.libpcap.pcap_next_ex
        most, room = len(rows) + _BATCH_PACKETS, len(data) + _BATCH_BYTES
        while len(rows) < most and len(data) < room:
            got = read(tap.handle, ctypes.byref(self._header), ctypes.byref(self._data))
            if got == 0:
                return True
            if got < 0:
                # The others go on; when none is left, the source has ended.
                tap.is_open = False
                why = tap.complaint() or Remark("libpcap does not say why")
                self._news.add(Remark("{name} can no longer be captured ({reason}).", name=tap.name, reason=why))
                return True
            head = self._header.contents
            time_ns = head.ts.tv_sec * 1_000_000_000 + head.ts.tv_usec * 1000
            rows.append((len(data), head.caplen, max(head.len, head.caplen), time_ns, tap.link, place))
            data += ctypes.string_at(self._data, head.caplen)
        return False


def _scapy(name: str) -> tuple[Any, Any]:
    """The socket class over libpcap and the binding of libpcap; scapy is imported here because that takes a while."""
    try:
        from scapy.config import conf

        # Not what is of no use here: tables of routes, and words about link types that it does not dissect.
        logging.getLogger("scapy").setLevel(logging.ERROR)
        conf.route_autoload = conf.route6_autoload = False
        conf.use_pcap = True
        from scapy.arch.libpcap import L2pcapListenSocket
        from scapy.libs import winpcapy
    except ImportError as error:
        if "scapy" in (error.name or ""):
            raise CaptureError(name, Remark("this needs scapy: pip install 'capanalyzer[live]'")) from error
        raise CaptureError(name, _no_libpcap()) from error
    except OSError as error:
        raise CaptureError(name, _no_libpcap()) from error
    return L2pcapListenSocket, winpcapy


def _no_libpcap() -> Remark:
    if sys.platform == "win32":
        return Remark("this needs Npcap, which is not installed (npcap.com)")
    return Remark("this needs libpcap, which is not installed (Debian, Ubuntu: apt install libpcap0.8)")


def _open(socket_class: Any, name: str, expression: str | None, promiscuous: bool) -> Any:
    """A socket that listens.

    scapy and libpcap raise whatever they raise, with several lines of text.
    """
    try:
        return socket_class(iface=name, promisc=promiscuous, filter=expression or None)
    except Exception as error:
        raise CaptureError(name, _why(" ".join(str(error).split()), expression)) from error


def _why(said: str, expression: str | None) -> Remark:
    """What is behind words of libpcap or scapy."""
    if "ermission" in said or "not permitted" in said:
        return Remark("no permission to capture; {hint}", hint=permission_hint())
    if "o such device" in said or "not found" in said:
        return Remark("there is no such interface")
    if "Cannot set filter" in said:
        reason = said.partition(": ")[2]
        return Remark(
            "the capture filter {expression!r} is not understood ({reason})", expression=expression, reason=reason
        )
    return Remark("cannot be captured ({reason})", reason=said)


def _text(told: Any) -> str:
    raw = told if isinstance(told, bytes) else bytes(told or b"")
    with contextlib.suppress(UnicodeDecodeError):
        return raw.rstrip(b"\0").decode()
    return raw.decode("latin-1")
