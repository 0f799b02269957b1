"""Where the test photographs are: ./scripts/photos puts them under .photos."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".photos"

ONE_MAN = ("obama.jpg", "obama2.jpg", "obama3.jpg")
"""One man in three pictures."""
ANOTHER_MAN = "biden.jpg"
PARTLY_COVERED = ("obama_partial_face.jpg", "obama_partial_face2.jpg")
"""The first picture of the one man, with half of the face cut away."""
WITH_ALPHA = "32bit.png"
"""ONE_MAN's second picture as a PNG with an alpha channel."""
TWO_FACES = "two_faces.jpg"
"""The one man at the left, larger; the other at the right."""
PEOPLE = FOLDER / "people"
"""One sub-folder a person: one with three pictures, one with one."""


def photo(name: str) -> Path:
    """The path of a test photograph.

    Raises:
        FileNotFoundError: the photographs have not been fetched.
    """
    path = FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run ./scripts/photos")
    return path
