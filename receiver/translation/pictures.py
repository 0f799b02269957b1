"""What a picture's first bytes say about it, in the words of the house."""

from receiver.domain.errors import Invalid
from recognition.headers import ImageError, PictureHeader, read_header


def inspect(data: bytes, pixel_limit: int) -> PictureHeader:
    """The header of a JPEG, PNG, WebP, BMP, GIF or TIFF; nothing is decoded.

    Raises:
        Invalid: not_a_picture, too_many_pixels (width times height beyond pixel_limit).
    """
    try:
        header = read_header(data)
    except ImageError as error:
        raise Invalid("not_a_picture", error.detail) from error
    if header.pixels > pixel_limit:
        raise Invalid("too_many_pixels", f"{header.width} x {header.height} pixels; at most {pixel_limit}")
    return header
