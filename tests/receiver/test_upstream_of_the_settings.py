"""The upstream of the settings is one subscription, however many processes start at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from receiver.assembly.subscriptions import settle_upstream
from receiver.settings import load
from tests.made_stores import made_house

STARTING = 4


def test_processes_that_start_together_make_one_subscription(tmp_path: Path, database_url: str) -> None:
    given = {"GATEHOUSE_DATA_DIR": str(tmp_path), "GATEHOUSE_DATABASE_URL": database_url}
    settings = load({**given, "GATEHOUSE_UPSTREAM_URL": "http://127.0.0.1:9/", "GATEHOUSE_RECOGNITION": "off"})
    houses = [made_house(settings) for _ in range(STARTING)]
    together = threading.Barrier(STARTING)

    def start(number: int) -> None:
        together.wait(30)
        settle_upstream(houses[number])

    with ThreadPoolExecutor(STARTING) as pool:
        list(pool.map(start, range(STARTING)))
    with houses[0].store.read() as tx:
        made = tx.exec_driver_sql("SELECT count(*) FROM subscription").scalar_one()
    for house in houses:
        house.close()
    assert made == 1
