"""What an alert says to a person, by its kind; translated for the reader."""

from collections.abc import Mapping

from recognition.advice import N_

SENTENCES: Mapping[str, str] = {
    "blacklist_hit": N_("Somebody on the blacklist is at a gate."),
    "identity_disagreement": N_("The face is not that of the person whom the device named."),
    "person_seen": N_("Somebody whom a rule asks for is at a gate."),
    "device_silent": N_("A device has stopped reporting."),
    "quarantine_growing": N_("Devices send messages that cannot be read."),
    "backlog_growing": N_("The server does not keep up with its work, or a destination does not take what it is sent."),
    "subscription_failing": N_("A destination does not take what it is sent."),
    "backlog_dropped": N_("So much waits to be passed on that some of it was dropped."),
    "behavior": N_("A vehicle's device reports how its driver behaves."),
}
OTHER = N_("A program reports something.")


def sentence_of(kind: str) -> str:
    """What an alert of that kind says; kinds that programs make up have one sentence together."""
    return SENTENCES.get(kind, OTHER)
