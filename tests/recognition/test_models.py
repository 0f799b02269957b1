"""The model files are found, and only the published ones are used."""

from pathlib import Path

import pytest

from recognition import models


@pytest.mark.parametrize("file", [models.RESNET, models.FIVE_POINTS], ids=lambda file: file.name)
def test_the_installed_model_files_are_the_published_ones(file: models.ModelFile) -> None:
    assert models.checked_path(file).name == file.name


def test_a_changed_model_file_is_never_used(tmp_path: Path) -> None:
    content = bytearray(models.checked_path(models.FIVE_POINTS).read_bytes())
    content[-1] ^= 1
    (tmp_path / models.FIVE_POINTS.name).write_bytes(content)
    with pytest.raises(models.ModelError) as refused:
        models.checked_path(models.FIVE_POINTS, tmp_path)
    assert refused.value.reason == "model_corrupt"


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(models.ModelError, match=models.RESNET.name) as refused:
        models.checked_path(models.RESNET, tmp_path)
    assert refused.value.reason == "model_missing"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(models.ModelError, match="a_package_that_nobody_has") as refused:
        models.installed_folder()
    assert refused.value.reason == "model_missing"
