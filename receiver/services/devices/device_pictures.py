"""The faces on devices' library pictures, remembered: a device sends the same picture of a person with every event."""

from collections import OrderedDict
from collections.abc import Callable

from recognition.engine import RecognitionError, Sighting, foremost

# Faces that are remembered; each about 2 KB.
MOST = 2000

Look = Callable[[bytes], list[Sighting]]


class DevicePictures:
    """The face that each library picture is about, of the newest that were asked for."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, bytes], Sighting | None] = OrderedDict()

    def face(self, network: str, digest: bytes, look: Look) -> Sighting | None:
        """The foremost face of a picture; None where it shows none, or cannot be read just now.

        Args:
            network: whose sighting it is to be.
            digest: the picture's.
            look: looks at the picture of a digest with that network; only asked where nothing is remembered.
        """
        key = (network, digest)
        if key not in self._known:
            try:
                self._known[key] = foremost(look(digest))
            except RecognitionError:
                # A picture that is gone may come again.
                return None
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return self._known[key]
