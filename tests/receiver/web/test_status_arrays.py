"""Several status reports in one request: all are kept, or none."""

from tests.receiver.web.site import Site, is_problem


def test_an_array_with_an_unreadable_report_keeps_none(any_site: Site) -> None:
    good = [{"gateway_name": name, "dev_sno": name} for name in ("BOX1", "BOX2")]
    refused = any_site.client.post("/DeviceStatus", json=[good[0], "no report", good[1]])
    assert is_problem(refused, 400, "not_an_object")
    assert any_site.get("/v1/devices")["items"] == []
    assert any_site.client.post("/DeviceStatus", json=good).status_code == 200
    assert len(any_site.get("/v1/devices")["items"]) == 2


def test_more_capture_devices_than_one_transaction_should_write_keep_none(any_site: Site) -> None:
    gates = [{"ep_id": f"BOX1__10.0.{number // 250}.{number % 250}"} for number in range(999)]
    reports = [{"dev_sno": "BOX1", "sub_devices": gates}, {"dev_sno": "BOX2", "sub_devices": gates}]
    refused = any_site.client.post("/DeviceStatus", json=[*reports, {"dev_sno": "BOX3"}])
    assert is_problem(refused, 400, "too_many_sub_devices")
    assert any_site.get("/v1/devices")["items"] == []
    assert any_site.client.post("/DeviceStatus", json=reports).status_code == 200
    assert len(any_site.get("/v1/devices")["items"]) == 2
