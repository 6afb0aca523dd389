"""Small pictures and files made on the spot for the tests of decoding, and what is asked of them."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.decode import decode_photo
from ocr_pipeline.imaging.files import LIMITS, Limits

Grey = NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 96, 64

JPEG_LEVELS = 4
"""How far flat blocks may move in a quality-95 JPEG."""


def upright_grey() -> Grey:
    """No turn or mirror image of it looks like it; flat 16-px blocks, so that JPEG hardly changes it."""
    grey = np.full((HEIGHT_PX, WIDTH_PX), 230, np.uint8)
    grey[:16, :48] = 20
    grey[16:32, :16] = 90
    grey[48:, 80:] = 150
    return grey


def stored_for(upright: Grey, orientation: int) -> Grey:
    """What a camera stores so that a viewer who obeys the EXIF orientation sees ``upright`` (Exif 2.32, 4.6.4)."""
    return np.ascontiguousarray(
        {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.T,
            6: np.rot90(upright, 1),
            7: upright[::-1, ::-1].T,
            8: np.rot90(upright, -1),
        }[orientation]
    )


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def encoded(picture: Image.Image | Grey, file_format: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def noise(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 255, (160, 240, 3)).astype(np.uint8)).convert(mode)


def noisy_jpeg(**options: Any) -> bytes:
    """A JPEG with enough data that cutting it cuts rows, 240 x 160 px."""
    return encoded(noise(), "JPEG", quality=90, **options)


def png_header(width_px: int, height_px: int) -> bytes:
    """A PNG that announces a size and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    size = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def jpeg_header(width_px: int, height_px: int) -> bytes:
    """A real JPEG whose frame header was changed to announce another size."""
    data = bytearray(noisy_jpeg())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height_px, width_px)
    return bytes(data)


def pdf(*bodies: bytes) -> bytes:
    """A PDF of numbered objects; the first is the catalogue, and the last one listed may be ``/Encrypt``."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    locked = b"/Encrypt %d 0 R /ID [<00> <00>]" % len(bodies) if b"/Filter /Standard" in bodies[-1] else b""
    out += b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, locked, start)
    return bytes(out)


def stream(dictionary: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n" % (dictionary, len(data)) + data + b"\nendstream"


def scan_pdf(
    jpegs: list[bytes],
    size_px: tuple[int, int],
    *,
    rotate_deg: int = 0,
    decode: bytes = b"",
    drawing: bytes = b"",
    locked: bool = False,
) -> bytes:
    """A scanner's PDF: each page one grey JPEG that fills it, an optional turn, drawing on top or password."""
    width_px, height_px = size_px
    first = 3
    kids = b" ".join(b"%d 0 R" % (first + 3 * i) for i in range(len(jpegs)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(jpegs)),
    ]
    for index, jpeg in enumerate(jpegs):
        page = first + 3 * index
        bodies += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Rotate %d /Contents %d 0 R "
            b"/Resources << /XObject << /Im %d 0 R >> >> >>" % (width_px, height_px, rotate_deg, page + 1, page + 2),
            stream(b"", b"q %d 0 0 %d 0 0 cm /Im Do Q " % (width_px, height_px) + drawing),
            stream(
                b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
                b"/Filter /DCTDecode %s" % (width_px, height_px, decode),
                jpeg,
            ),
        ]
    if locked:
        key = b"<" + b"5a" * 32 + b">"
        bodies.append(b"<< /Filter /Standard /V 1 /R 2 /O %s /U %s /P -4 >>" % (key, key))
    return pdf(*bodies)


def placed_pdf(
    jpeg: bytes,
    size_px: tuple[int, int],
    matrix: tuple[float, float, float, float, float, float],
    page_pt: tuple[int, int],
    rotate_deg: int = 0,
) -> bytes:
    """A page with one grey JPEG somewhere on it: the six numbers of PDF's ``cm`` say where."""
    where = b" ".join(b"%g" % number for number in matrix)
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Rotate %d /Contents 4 0 R "
        b"/Resources << /XObject << /Im 5 0 R >> >> >>" % (*page_pt, rotate_deg),
        stream(b"", b"q " + where + b" cm /Im Do Q"),
        stream(
            b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
            b"/Filter /DCTDecode" % size_px,
            jpeg,
        ),
    )


def sixteen_bit() -> Image.Image:
    return Image.fromarray(upright_grey().astype(np.uint16) * 257)


def frames() -> list[Image.Image]:
    return [Image.new("L", (40, 30), level) for level in (0, 120, 255)]


def rejection(source: Any, limits: Limits = LIMITS) -> PhotoRejected:
    with pytest.raises(PhotoRejected) as caught:
        decode_photo(source, limits)
    return caught.value


def assert_same(seen: Grey, meant: Grey, levels: int = 0) -> None:
    assert seen.shape == meant.shape
    assert int(np.abs(seen.astype(int) - meant).max()) <= levels
