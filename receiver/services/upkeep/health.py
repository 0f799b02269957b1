"""Whether events can be kept just now."""

import shutil

from receiver.domain.errors import GatehouseError
from receiver.settings import MIB, Settings
from receiver.store.store import Store


class Health:
    """What /v1/health/ready and `check` ask."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def problems(self) -> list[str]:
        """Sentences that say what keeps the server from being ready; empty if nothing does."""
        found = []
        try:
            self._store.ping()
        except GatehouseError as error:
            found.append(f"{error.reason}: {error.detail}")
        try:
            free = shutil.disk_usage(self._settings.data_dir).free
        except OSError as error:
            return [*found, f"bad_data_dir: the data folder cannot be looked at: {error.strerror}"]
        if free < self._settings.disk_reserve:
            found.append(
                f"disk_reserve: {free // MIB} MiB are free, the reserve is {self._settings.disk_reserve // MIB} MiB"
            )
        return found
