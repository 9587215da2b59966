"""This section says what may be shown of the things that were not let through."""

from transcoder.config.section import Section


class LedgerConfig(Section):
    """`ledger` describes the record of what was not let through."""

    examples: bool = False
    """Whether HTTP and MQTT show pieces of what a camera sent and was not let through: of each kind at most 64 bytes of
    the latest one, and a camera's own names for its media. They may hold serial numbers and models; log, metrics and
    events never show them."""
