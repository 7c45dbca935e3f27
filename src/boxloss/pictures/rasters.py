"""Arrays as pictures: PNG with a palette, as an address that holds it."""

import base64
import struct
import zlib
from typing import Any

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ANCHORS = (
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 "
    "fde725"
)  # of viridis: even in lightness, so it reads without colour and with any kind of colour blindness


def viridis() -> Any:
    """Compute the 256 colours of viridis between 17 of them, shape (256, 3)."""
    anchors = np.asarray([list(bytes.fromhex(colour)) for colour in ANCHORS.split()])
    place = np.linspace(0, len(anchors) - 1, 256)
    return np.stack([np.interp(place, np.arange(len(anchors)), channel) for channel in anchors.T], axis=-1)


def raster(share: Any, colour: str | None = None, levels: int = 256) -> str:
    """Write an array as the address of a PNG, its first row at the bottom.

    Parameters
    ----------
    share : ndarray, shape (rows, columns)
        From 0 to 1; what is beyond is drawn as these, and NaN as 0.
    colour : str, optional
        Six hexadecimal digits: this colour, from transparent to opaque. Viridis by default.
    levels : int
        How many shades there are: few of them show as contours, and compress well.
    """
    share = np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)[::-1]
    index = np.minimum((share * levels).astype(np.uint8 if levels < 256 else np.uint16), levels - 1).astype(np.uint8)
    shades = np.linspace(0, 255, levels).round().astype(np.uint8)
    colours = viridis()[shades] if colour is None else np.tile(list(bytes.fromhex(colour)), (levels, 1))
    rows, columns = index.shape
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
        (b"PLTE", colours.round().astype(np.uint8).tobytes()),
        *([] if colour is None else [(b"tRNS", shades.tobytes())]),
        (b"IDAT", zlib.compress(np.pad(index, ((0, 0), (1, 0))).tobytes(), 9)),  # 0 before each row: no filter
        (b"IEND", b""),
    ]
    content = SIGNATURE + b"".join(map(_chunk, *zip(*chunks, strict=True)))
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
