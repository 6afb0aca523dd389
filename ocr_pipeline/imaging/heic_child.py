"""The process that decodes one HEIC file: bytes on stdin, ``width height`` and raw pixels on stdout.

Run as a script by :mod:`ocr_pipeline.imaging.heic`; imports nothing of Turus, so that it starts fast.
"""

import sys
from io import BytesIO
from typing import Final

GREY: Final = "L"
COLOUR: Final = "RGB"
TOO_LARGE: Final = 3
"""Exit status for a picture over the limits; any other but 0 means that it cannot be read."""


def main(mode: str, pixels: int, side_px: int) -> int:
    """Decode stdin to stdout.

    Args:
        mode: :data:`GREY` (one byte a pixel) or :data:`COLOUR` (red, green, blue).
        pixels: most pixels.
        side_px: longest side.

    Returns:
        The exit status.
    """
    import pi_heif

    picture = pi_heif.open_heif(BytesIO(sys.stdin.buffer.read()), convert_hdr_to_8bit=True)
    width_px, height_px = picture.size
    if width_px * height_px > pixels or max(width_px, height_px) > side_px:
        print(f"{width_px} x {height_px} px", file=sys.stderr)
        return TOO_LARGE
    image = picture.to_pillow().convert(mode)
    sys.stdout.buffer.write(b"%d %d\n" % image.size)
    sys.stdout.buffer.write(image.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
