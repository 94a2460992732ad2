"""The catalog of weight files: records, cards, and how a name becomes a checked file."""

from weights.catalog.lookup import (
    DEFAULTS,
    default_name,
    get_record,
    list_records,
    list_weights,
    resolve,
    verify,
)

__all__ = [
    "DEFAULTS",
    "default_name",
    "get_record",
    "list_records",
    "list_weights",
    "resolve",
    "verify",
]
