"""Archives as people and their enemies pack them."""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

SYMLINK = 0o120777 << 16


def packed(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with those files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def packed_in(encoding: str, files: Mapping[str, bytes]) -> bytes:
    """A zip whose names are in that encoding, without a word about it."""
    stand_ins = {f"{number:0{len(name.encode(encoding))}d}": name for number, name in enumerate(files)}
    data = packed({stand_in: files[name] for stand_in, name in stand_ins.items()})
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in.encode(), name.encode(encoding))
    return data


def with_link(name: str, target: str) -> bytes:
    """A zip with a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo(name)
        link.create_system = 3
        link.external_attr = SYMLINK
        archive.writestr(link, target)
    return buffer.getvalue()


def encrypted(data: bytes) -> bytes:
    """The zip with every member marked as encrypted."""
    marked = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.find(signature)
        while at >= 0:
            (flags,) = struct.unpack_from("<H", marked, at + offset)
            struct.pack_into("<H", marked, at + offset, flags | 1)
            at = marked.find(signature, at + 4)
    return bytes(marked)


def lying(data: bytes, size: int) -> bytes:
    """The zip whose every member says that it unpacks to that many bytes."""
    changed = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = changed.find(signature)
        while at >= 0:
            struct.pack_into("<I", changed, at + offset, size)
            at = changed.find(signature, at + 4)
    return bytes(changed)


def placed(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with those files."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
