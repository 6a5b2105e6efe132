"""Fuzz target: any bytes given to the capture readers give packets and warnings, or one CaptureError.

With atheris: ``python tests/fuzz/fuzz_capture.py``. Under pytest the same entry point gets a fixed set of
mutated captures (``tests/capture/test_fuzz.py``).
"""

from __future__ import annotations

import io
import sys

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import examine_stream
from capanalyzer.errors import CaptureError


def fuzz_one(data: bytes) -> int:
    """Read ``data`` as a capture in windows whose size its first byte decides; the number of packets."""
    size = 1 << (data[0] % 20) if data else 1
    try:
        found = examine_stream("fuzz", io.BytesIO(data[1:]), owned=False)
    except CaptureError as error:
        if "\n" in str(error):
            raise AssertionError("the error has more than one line") from error
        return 0
    capture = FileCapture(found, size)
    packets = 0
    for batch in capture.batches():
        assert batch.first_frame == packets + 1
        packets += len(batch)
        assert (batch.captured >= 0).all()
        assert (batch.original >= batch.captured).all()
        assert (batch.offset >= 0).all()
        assert (batch.offset + batch.captured <= len(batch.data)).all()
    assert packets == capture.info.packets
    assert len(capture.info.warnings) <= 4
    return packets


def main() -> None:
    import atheris  # type: ignore[import-untyped]  # it has no stubs

    atheris.Setup(sys.argv, fuzz_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
