"""A picture that the browser shows as the service saw it: upright, small, and without anything that the file says
beside its pixels.
"""

import base64
import io

from PIL import Image
from PIL.ImageFile import ImageFile

LONGEST_SIDE = 1024
MOST_PIXELS = 50_000_000
"""As the service's MAX_PIXELS by default: what is larger is answered without being shown."""

_ORIENTATION = 274
# EXIF 2.32 section 4.6.4: what turns the stored picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def preview(data: bytes, width: int, height: int) -> bytes | None:
    """A JPEG to look at, at most 1024 pixels long.

    Only of a file that the service has accepted: nothing here is as careful with files as the service is.

    Args:
        data: The file.
        width: Of the upright picture in pixels, as the service says.
        height: Its height.

    Returns:
        The JPEG without metadata, or None where this page cannot show the picture as the service saw it.
    """
    if width * height > MOST_PIXELS:
        return None
    try:
        with Image.open(io.BytesIO(data)) as opened:
            turned = _orientation(opened)
            if opened.size != ((height, width) if turned >= 5 else (width, height)):
                return None
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            plain = _plain(opened)
            upright = plain.transpose(_UPRIGHT[turned]) if turned > 1 else plain
    except (OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError):
        return None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    upright.save(file, "JPEG", quality=90, icc_profile=plain.info.get("icc_profile"))
    return file.getvalue()


def _orientation(image: ImageFile) -> int:
    """1 to 8. Of EXIF alone, as the service and browsers read it: Pillow's own `getexif` also believes XMP."""
    if image.format == "TIFF":
        return 1  # Pillow turns these itself
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    found = exif.get(_ORIENTATION, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _plain(image: Image.Image) -> Image.Image:
    """8-bit RGB or grey, transparent parts on white, with the colour profile if it still describes the pixels."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        paper = Image.new("RGBA", colours.size, "white")
        paper.alpha_composite(colours)
        return paper.convert("RGB")
    if image.mode in {"L", "RGB"}:
        return image.copy()
    plain = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode == "CMYK":
        plain.info.pop("icc_profile", None)
    return plain


def paper(width: int, height: int) -> bytes:
    """A JPEG of nothing, to lay the heatmap on of a picture of this size that cannot be shown."""
    scale = LONGEST_SIDE / max(width, height)
    file = io.BytesIO()
    Image.new("L", (max(1, round(width * scale)), max(1, round(height * scale))), 224).save(file, "JPEG")
    return file.getvalue()


def shows_anything(heatmap: bytes) -> bool:
    """Whether a heatmap, a PNG with transparency, is opaque anywhere."""
    with Image.open(io.BytesIO(heatmap)) as opened:
        return opened.convert("RGBA").getchannel("A").getextrema() != (0, 0)


def data_url(data: bytes, media_type: str) -> str:
    """The bytes as an address that a browser shows without asking for anything."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
