"""Puts together what erases, exports, holds and retains: bootstrap's part for people's rights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.erasing.erasing import Erasing
    from receiver.services.erasing.erasures import Erasures
    from receiver.services.erasing.retaining import Retaining
    from receiver.services.recognising.engines import Engines
    from recognition.engine import RgbImage


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    from receiver.services.erasing.exporting import Exporting
    from receiver.services.people.holding import Holding

    return {
        "erasures": make_erasures(house),
        "exporting": Exporting(house.store, house.pictures, house.visit_pause),
        "holding": Holding(house.store),
    }


def work_of(house: "House", engines: "Engines | None") -> dict[str, Any]:
    """What the worker is given."""
    return {"erasing": make_erasing(house, engines), "retaining": make_retaining(house)}


def make_erasures(house: "House") -> "Erasures":
    """Beginning and showing erasures."""
    from receiver.services.erasing.erasures import Erasures
    from receiver.store.erased_list import ErasedList

    return Erasures(house.store, house.pictures, ErasedList(house.settings.data_dir), house.doorbell.ring)


def make_erasing(house: "House", engines: "Engines | None") -> "Erasing":
    """The work on erasures; without engines a shared picture is blurred as a whole where the face is not known."""
    from receiver.services.erasing.erasing import Erasing, ErasingParts
    from receiver.services.erasing.erasing_pictures import PictureEraser, PictureParts
    from receiver.store.erased_list import ErasedList

    def locate(image: "RgbImage", probes: bytes, model: str) -> Sequence[Sequence[int]]:
        return () if engines is None else _near(house, engines, image, (probes, model))

    pictures = PictureEraser(PictureParts(house.store, house.pictures, house.read_image, locate))
    known = ErasedList(house.settings.data_dir)
    return Erasing(ErasingParts(house.store, pictures, known, house.settings.backup_days))


def _near(house: "House", engines: "Engines", image: "RgbImage", sought: tuple[bytes, str]) -> Sequence[Sequence[int]]:
    """The boxes of the faces that may be the erased person's: as far as two pictures may be apart and show one person."""
    from receiver.services.deciding.scales import SiteScales
    from receiver.services.erasing.erasing_pictures import faces_near
    from recognition.engine import RecognitionError

    probes, model = sought
    scales = SiteScales(house.models_dir)
    if model not in scales:
        return ()
    try:
        sightings = engines.engine_for(model).sightings(image)
    except RecognitionError:
        return ()
    return faces_near(sightings, probes, model, scales[model].verification)


def make_retaining(house: "House") -> "Retaining":
    """Clearing by the site's own rules."""
    from receiver.domain.retention import Rules
    from receiver.services.erasing.retaining import Retaining

    return Retaining(house.store, Rules(house.settings.retention))
