"""How the text of each setting is read, with a sentence where it cannot be."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recognition.gates import GateLimits
from recognition.limits import parse_limits

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def read_text(value: Any) -> str:
    if isinstance(value, list | dict | bool):
        raise ValueError("must be text")  # noqa: TRY004 - as every reader says it
    return str(value).strip()


def read_model(value: Any) -> str:
    """The id of an embedding model, as networks in the models folder have it too."""
    text = read_text(value)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}(\+mirror)?", text):
        raise ValueError("must be a model's id, such as dlib-resnet-v1 or dlib-resnet-v1+mirror")
    return text


def read_whole(low: int, high: int) -> Callable[[Any], int]:
    """A reader of whole numbers within ``low..high``."""

    def read(value: Any) -> int:
        number = int(str(value).strip())
        if not low <= number <= high:
            raise ValueError(f"must be {low} to {high}")
        return number

    return read


def read_size(value: Any) -> int:
    """Bytes: a whole number, or one with KiB, MiB or GiB behind it."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*", str(value), re.IGNORECASE)
    if match is None:
        raise ValueError("must be a number of bytes, or like 200 MiB or 1 GiB")
    return int(float(match[1]) * {"": 1, "k": KIB, "m": MIB, "g": GIB}[match[2].lower()])


def read_switch(value: Any) -> bool:
    """On or off."""
    return str(value).strip().lower() in {"1", "true", "yes", "on"}


def read_choice(*choices: str) -> Callable[[Any], str]:
    """A reader of one of ``choices``."""

    def read(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return word

    return read


def read_fpir(value: Any) -> float:
    """A share of strangers falsely called by a name: above 0, at most 0.05; ``1%`` and ``0.01`` are the same."""
    text = str(value).strip()
    share = float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    if not 0 < share <= 0.05:  # noqa: PLR2004 - the bound is the setting's own
        raise ValueError("must be above 0 and at most 5% (0.05): more false names than that help nobody")
    return share


def read_limits(value: Any) -> GateLimits:
    """Changed limits of picture quality: text with commas, or a list."""
    return parse_limits(", ".join(map(str, value)) if isinstance(value, list) else read_text(value))


def read_zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(value).strip())
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("must be a time zone like Europe/Berlin or Asia/Shanghai") from error


def read_urls(value: Any) -> tuple[str, ...]:
    """One or several http(s) addresses, separated by commas or blanks; a trailing comma is fine."""
    parts = value if isinstance(value, list) else re.split(r"[,\s]+", str(value))
    urls = tuple(part for part in (str(each).strip() for each in parts) if part)
    for url in urls:
        split = urlsplit(url)
        # Reading the port refuses one that does not exist.
        if split.scheme not in {"http", "https"} or not split.hostname or split.port == 0:
            raise ValueError("must be http:// or https:// addresses, separated by commas")
    return urls


def read_schedule(value: Any) -> str:
    """Seconds, or a cron expression of five fields."""
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        if not 0 < float(text) <= 86_400:  # noqa: PLR2004 - a day
            raise ValueError("must be above 0 and at most 86400 seconds, or a cron expression")
        return text
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - read by few, and no small import

    try:
        CronTrigger.from_crontab(text, timezone="UTC")
    except ValueError as error:
        raise ValueError(
            f"must be seconds, or a cron expression of five fields like '*/10 0-5 * * *' ({error})"
        ) from error
    return text


def read_night(value: Any) -> str:
    """A cron expression of five fields, or ``off``."""
    text = str(value).strip().lower()
    if text == "off":
        return text
    if len(text.split()) == 1:
        raise ValueError("must be off, or a cron expression of five fields like '0 3 * * *'")
    return read_schedule(text)


RETENTION_KINDS = (
    "events",
    "scenes",
    "faces",
    "embeddings",
    "strangers",
    "real_time",
    "reviews",
    "identities",
    "alerts",
    "frames",
    "quarantine",
)
RETENTION_LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
RETENTION_RULE = re.compile(r"(?:(?P<list>[a-z]+)\.)?(?P<kind>[a-z_]+)\s*=\s*(?P<days>\d{1,5})")
# Of a rule without a list, a kind of which there are no lists.
LISTLESS_KINDS = frozenset({"strangers", "reviews", "identities", "alerts", "frames", "quarantine"})


def read_retention(value: Any) -> tuple[tuple[str, str, int], ...]:
    """(list or empty, kind, days) of each rule in ``scenes=30, visitor.scenes=7``."""
    parts = value if isinstance(value, list) else str(value).split(",")
    rules = {}
    for part in (str(each).strip().lower() for each in parts):
        if not part:
            continue
        match = RETENTION_RULE.fullmatch(part)
        if match is None or match["kind"] not in RETENTION_KINDS or int(match["days"]) == 0:
            raise ValueError(f"{part!r} must be like scenes=30 or visitor.scenes=7, of {', '.join(RETENTION_KINDS)}")
        if match["list"] and (match["list"] not in RETENTION_LISTS or match["kind"] in LISTLESS_KINDS):
            raise ValueError(
                f"{part!r}: before the point stands one of {', '.join(RETENTION_LISTS)}; {', '.join(sorted(LISTLESS_KINDS))} have none"
            )
        rules[match["list"] or "", match["kind"]] = int(match["days"])
    return tuple((list_name, kind, days) for (list_name, kind), days in sorted(rules.items()))
