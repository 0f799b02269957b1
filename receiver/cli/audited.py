"""What each command leaves in the audit log: one table, read when a command has ended."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from receiver.services.audit.auditing import Audit

MORE = "gatehouse.audit"


@dataclass(frozen=True, slots=True)
class Audited:
    """A command that leaves a row.

    Attributes:
        action: machine word, the same as that of the interface where both can do it.
        kind: of the thing that it is about.
        argument: of the command, which holds the thing's id.
    """

    action: str
    kind: str = ""
    argument: str = ""


@dataclass(frozen=True, slots=True)
class NotDelicate:
    """A command that leaves none, and why not."""

    why: str


_PROCESS = NotDelicate("starts processes; what is done through them is noted by them")
_STATE = NotDelicate("says nothing of anybody")

# Words of the command -> what it leaves.
COMMANDS: dict[str, Audited | NotDelicate] = {
    "serve": _PROCESS,
    "web": _PROCESS,
    "worker": _PROCESS,
    "simulate": NotDelicate("a gate made of software: it speaks to a server over the network"),
    "check": _STATE,
    "settings": _STATE,
    "db upgrade": Audited("tables.upgraded"),
    "db compact": Audited("database.compacted"),
    "db backup": Audited("backup.made"),
    "db restore": Audited("backup.restored"),
    "tasks list": _STATE,
    "tasks retry": Audited("tasks.retried", "task"),
    "retention": Audited("retention.run"),
    "people add": Audited("person.enrolled", "person"),
    "people change": Audited("person.changed", "person", "person"),
    "people show": Audited("person.read", "person", "person"),
    "people list": Audited("people.listed", "person"),
    "people erase": Audited("person.erased", "person", "person_id"),
    "people export": Audited("person.exported", "person", "person_id"),
    "people import": Audited("import.begun", "import"),
    "people calibrate": Audited("library.calibrated"),
    "people re-embed": Audited("library.re_embedded"),
    "people export-library": Audited("library.exported"),
    "people import-library": Audited("library.imported"),
    "people merge": Audited("person.merged", "person", "person"),
    "people split": Audited("person.split", "person", "person"),
    "people promote": Audited("person.promoted", "person", "person"),
    "people ignore": Audited("person.ignored", "person", "person"),
    "people undo": Audited("correction.undone", "correction", "correction"),
    "people corrections": Audited("corrections.listed", "correction"),
    "people identities": Audited("identities.listed", "identity"),
    "people adopt": Audited("adoption.begun", "adoption"),
    "people check": Audited("library.check_begun"),
    "strangers list": Audited("strangers.listed", "person"),
    "strangers show": Audited("person.read", "person", "stranger"),
    "reviews list": Audited("reviews.listed", "review"),
    "reviews show": Audited("review.read", "review", "review"),
    "reviews accept": Audited("review.accepted", "review", "review"),
    "reviews reject": Audited("review.rejected", "review", "review"),
    "reviews later": Audited("review.put_off", "review", "review"),
    "people face add": Audited("person.faces_added", "person", "person"),
    "people face set": Audited("face.changed", "face", "face"),
    "people face remove": Audited("face.removed", "face", "face"),
    "accounts add": Audited("account.added", "account"),
    "accounts list": Audited("accounts.listed", "account"),
    "accounts passwd": Audited("account.password_changed", "account"),
    "accounts role": Audited("account.changed", "account"),
    "accounts limit": Audited("account.changed", "account"),
    "accounts disable": Audited("account.changed", "account"),
    "accounts unlock": Audited("logins.unlocked"),
    "accounts remove": Audited("account.removed", "account"),
    "keys add": Audited("key.added", "key"),
    "keys list": Audited("keys.listed", "key"),
    "keys revoke": Audited("key.revoked", "key"),
    "devices list": NotDelicate("devices and their figures, nothing of people"),
    "devices add": Audited("device.added", "device"),
    "devices trust": Audited("device.changed", "device", "device_id"),
    "devices block": Audited("device.changed", "device", "device_id"),
    "devices key": Audited("device.key_changed", "device", "device_id"),
    "devices secret": Audited("device.key_changed", "device", "device_id"),
    "subscriptions list": NotDelicate("where events go and how that does, nothing of people"),
    "subscriptions show": NotDelicate("where events go and how that does, nothing of people"),
    "subscriptions add": Audited("subscription.added", "subscription"),
    "subscriptions change": Audited("subscription.changed", "subscription", "subscription"),
    "subscriptions pause": Audited("subscription.changed", "subscription", "subscription"),
    "subscriptions resume": Audited("subscription.changed", "subscription", "subscription"),
    "subscriptions disable": Audited("subscription.changed", "subscription", "subscription"),
    "subscriptions remove": Audited("subscription.removed", "subscription", "subscription"),
    "subscriptions secret": Audited("subscription.secret_made", "subscription", "subscription"),
    "subscriptions preview": Audited("subscription.previewed", "subscription", "subscription"),
    "subscriptions replay": Audited("subscription.replayed", "subscription", "subscription"),
    "deliveries list": NotDelicate("numbers, times and the other side's answers, nothing of people"),
    "deliveries show": NotDelicate("numbers, times and the other side's answers, nothing of people"),
    "deliveries retry": Audited("deliveries.retried", "delivery"),
    "alerts list": Audited("alerts.listed", "alert"),
    "alerts show": Audited("alert.read", "alert", "alert"),
    "alerts acknowledge": Audited("alert.acknowledged", "alert", "alert"),
    "alerts assign": Audited("alert.assigned", "alert", "alert"),
    "alerts close": Audited("alert.closed", "alert", "alert"),
    "alerts comment": Audited("alert.commented", "alert", "alert"),
    "alerts statistics": NotDelicate("counts and times"),
    "rules list": _STATE,
    "rules show": _STATE,
    "rules add": Audited("rule.added", "rule"),
    "rules change": Audited("rule.changed", "rule", "rule"),
    "rules on": Audited("rule.changed", "rule", "rule"),
    "rules off": Audited("rule.changed", "rule", "rule"),
    "rules remove": Audited("rule.removed", "rule", "rule"),
    "rules try": Audited("rule.tried", "rule", "rule"),
    "audit list": Audited("audit.listed", "audit"),
    "audit head": _STATE,
    "audit verify": Audited("audit.verified", "audit"),
    "audit export": Audited("audit.exported", "audit"),
}


def tell(*, subject: object = "", **detail: Any) -> None:
    """What a command knows better than the table: the thing's id, a few words and numbers; never names."""
    told = click.get_current_context().meta.setdefault(MORE, {"subject": "", "detail": {}})
    told["subject"] = subject or told["subject"]
    told["detail"] |= detail


@contextmanager
def noted(audit: "Audit") -> Iterator[None]:
    """Around a command: the operating system's account acts, and what came of it is noted."""
    from receiver.domain.audit import Actor, ActorKind, Outcome
    from receiver.services.audit.acting import acting_as

    with acting_as(Actor(ActorKind.COMMAND, str(os.getuid()))):
        try:
            yield
        except (click.ClickException, click.exceptions.Exit, KeyboardInterrupt) as error:
            is_fine = isinstance(error, click.exceptions.Exit) and error.exit_code == 0
            _note(audit, Outcome.OK if is_fine else Outcome.REFUSED)
            raise
        except BaseException:
            _note(audit, Outcome.FAILED)
            raise
        _note(audit, Outcome.OK)


def _note(audit: "Audit", outcome: str) -> None:
    context = click.get_current_context(silent=True)
    if context is None:
        return
    found = COMMANDS.get(words_of(context), Audited(words_of(context)))
    if isinstance(found, NotDelicate):
        return
    told = context.meta.get(MORE, {"subject": "", "detail": {}})
    subject = told["subject"] or (context.params.get(found.argument, "") if found.argument else "")
    audit.note(found.action, kind=found.kind, subject=str(subject), outcome=outcome, detail=told["detail"])


def words_of(context: click.Context) -> str:
    """The command as it is typed, without the program's name."""
    words: list[str] = []
    while context.parent is not None:
        words.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(words)
