"""Settings: where each value comes from, what is refused and in which words, and that secrets are never shown."""

from pathlib import Path
from typing import Any

import pytest

from receiver.settings import GIB, MIB, SettingError, Settings, load, names, shown


def loaded(folder: Path, toml: str = "", flags: dict[str, Any] | None = None, **environ: str) -> Settings:
    (folder / "gatehouse.toml").write_text(toml, encoding="utf-8")
    return load({f"GATEHOUSE_{name.upper()}": value for name, value in environ.items()}, flags, folder)


def test_flags_come_before_the_environment_before_the_file_before_defaults(tmp_path: Path) -> None:
    toml = 'port = 1001\nhost = "one"\nlog_format = "json"\n'
    found = loaded(tmp_path, toml, {"port": "1003", "host": None}, port="1002", host="two")
    assert (found.port, found.host, found.log_format, found.recognition) == (1003, "two", "json", "onnx")
    rows = {row.name: row.source for row in shown(found)}
    sources = [rows[f"GATEHOUSE_{name}"] for name in ("PORT", "HOST", "LOG_FORMAT", "RECOGNITION")]
    assert sources == ["flag", "environment", "gatehouse.toml", "default"]


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load({}, folder=tmp_path / "nowhere") == Settings()


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("  s3cret\n", encoding="utf-8")
    assert loaded(tmp_path, admin_password_file=str(tmp_path / "secret")).admin_password == "s3cret"
    with pytest.raises(SettingError, match=r"GATEHOUSE_ADMIN_PASSWORD_FILE.*No such file"):
        loaded(tmp_path, admin_password_file=str(tmp_path / "none"))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xe4"])
def test_a_secret_file_that_is_no_text_is_told_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "secret").write_bytes(data)
    with pytest.raises(SettingError, match="GATEHOUSE_ADMIN_PASSWORD_FILE"):
        loaded(tmp_path, admin_password_file=str(tmp_path / "secret"))


@pytest.mark.parametrize(
    ("name", "near"),
    [("PROT", "GATEHOUSE_PORT"), ("DATABASE_URI", "GATEHOUSE_DATABASE_URL"), ("UPSTREAM_URLS", "GATEHOUSE_UPSTREAM_URL")],
)  # fmt: skip
def test_an_unknown_name_stops_with_what_was_meant(tmp_path: Path, name: str, near: str) -> None:
    with pytest.raises(SettingError, match=f"GATEHOUSE_{name}, did you mean {near}"):
        load({f"GATEHOUSE_{name}": "1"}, folder=tmp_path)


def test_an_unknown_name_in_the_file_stops_too(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"gatehouse\.toml: unknown setting 'prot', did you mean port"):
        loaded(tmp_path, "prot = 1")


@pytest.mark.parametrize("toml", ["port = ", "port = 1\nport = 2"])
def test_a_file_that_is_no_toml_is_told_so(tmp_path: Path, toml: str) -> None:
    with pytest.raises(SettingError, match=r"gatehouse\.toml cannot be read"):
        loaded(tmp_path, toml)


def test_names_for_tests_and_of_others_are_passed_over(tmp_path: Path) -> None:
    environ = {"GATEHOUSE_TEST_POSTGRES_URL": "x", "GATEHOUSE_TEST_ANYTHING": "y", "PORT": "1", "HOME": "/"}
    assert load(environ, folder=tmp_path) == Settings()


BAD = {
    "model": ["", "x" * 80, "Dlib", "../elsewhere", "dlib-resnet-v1 +mirror", "+mirror"],
    "port": ["0", "65536", "x", "", "1.5"],
    "recognition": ["maybe", ""],
    "upstream_url": ["ftp://a", "a.example", "http://", "http://a,b", "http://[::1", "http://a:99999"],
    "upstream_every": ["0", "-1", "x", "99999", "* * *", "*/10 22-5 * * *", "61 * * * *", "nan", ""],
    "timezone": ["Nowhere/City", "", "../etc", "/etc/passwd", "UTC\x00"],
    "disk_reserve": ["x", "-1", "1 TB", "", "1 GiBs"],
    "log_format": ["xml"],
    "device_trust": ["none"],
    "fpir": ["0", "6%", "1", "x", "nan", "%"],
    "body_limit": ["much"],
    "body_seconds": ["0", "x"],
    "pixel_limit": ["1"],
    "web_processes": ["0"],
    "web_threads": ["0", "1000"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_told_with_its_settings_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"GATEHOUSE_{name.upper()}="):
        load({f"GATEHOUSE_{name.upper()}": value}, folder=tmp_path)


def test_a_refused_address_keeps_its_password_to_itself(tmp_path: Path) -> None:
    for value in ("ftp://user:s3cret@a.example", "http://ok.example,ftp://user:s3cret@a.example"):
        with pytest.raises(SettingError) as caught:
            loaded(tmp_path, upstream_url=value)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("disk_reserve", "1024", 1024),
        ("disk_reserve", "200 MiB", 200 * MIB),
        ("disk_reserve", "1.5g", int(1.5 * GIB)),
        ("disk_reserve", "0", 0),
        ("body_limit", "64kb", 65536),
        ("fpir", "1%", 0.01),
        ("fpir", "0.05", 0.05),
        ("upstream_every", "2.5", "2.5"),
        ("upstream_every", "*/10 0-5,22-23 * * *", "*/10 0-5,22-23 * * *"),
        ("upstream_url", "http://a/, https://b:8/x,", ("http://a/", "https://b:8/x")),
        ("upstream_url", "", ()),
        ("upstream_url", " http://a \n http://b ", ("http://a", "http://b")),
        ("recognition", " OFF ", "off"),
        ("echo", "1", True),
        ("echo", "yes", True),
        ("echo", "0", False),
        ("database_url", " postgresql://h/db ", "postgresql://h/db"),
    ],
)
def test_a_good_value_is_read(tmp_path: Path, name: str, value: str, expected: object) -> None:
    assert getattr(load({f"GATEHOUSE_{name.upper()}": value}, folder=tmp_path), name) == expected


def test_a_time_zone_is_read(tmp_path: Path) -> None:
    assert loaded(tmp_path, timezone="Asia/Shanghai").timezone.key == "Asia/Shanghai"


def test_the_file_may_hold_lists_and_numbers(tmp_path: Path) -> None:
    found = loaded(tmp_path, 'upstream_url = ["http://a", "http://b"]\nport = 80\necho = true\nfpir = 0.02\n')
    assert (found.upstream_url, found.port, found.echo, found.fpir) == (("http://a", "http://b"), 80, True, 0.02)


@pytest.mark.parametrize(
    "toml", ["port = true", "port = [1]", "upstream_url = [1]", "upstream_url = {a = 1}", "host = [1]"]
)
def test_a_value_of_another_kind_in_the_file_is_told_so(tmp_path: Path, toml: str) -> None:
    with pytest.raises(SettingError, match="GATEHOUSE_"):
        loaded(tmp_path, toml)


def test_the_engine_that_is_switched_on_has_a_name(tmp_path: Path) -> None:
    assert [loaded(tmp_path, recognition=each).engine_name for each in ("on", "dlib", "off")] == ["onnx", "onnx", "off"]


def test_secrets_are_starred_when_shown(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        admin_password="s3cret",
        database_url="postgresql://user:s3cret@host:5432/db",
        upstream_url="http://user:s3cret@a.example/x,http://b.example",
    )
    rows = {row.name: row for row in shown(found)}
    assert "s3cret" not in repr(list(rows.values()))
    assert rows["GATEHOUSE_ADMIN_PASSWORD"].value == "***"
    assert rows["GATEHOUSE_DATABASE_URL"].value == "postgresql://user:***@host:5432/db"
    assert rows["GATEHOUSE_UPSTREAM_URL"].value == "http://user:***@a.example/x, http://b.example"


def test_every_setting_is_shown_with_its_documentation() -> None:
    rows = shown(Settings())
    assert {row.name for row in rows} == set(names())
    assert all(row.doc and row.source == "default" for row in rows)
