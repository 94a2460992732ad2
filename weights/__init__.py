"""The catalog of weight files, and the errors and contracts shared by all packages."""

from weights.catalog.card import model_card
from weights.catalog.lookup import (
    DEFAULTS,
    default_name,
    get_record,
    list_records,
    list_weights,
    resolve,
    verify,
)
from weights.catalog.record import TrainingData, WeightKind, WeightRecord
from weights.catalog.store import load_state_dict, read_metadata, write_record
from weights.former_names import keep_former_names

keep_former_names()

__all__ = [
    "DEFAULTS",
    "TrainingData",
    "WeightKind",
    "WeightRecord",
    "default_name",
    "get_record",
    "list_records",
    "list_weights",
    "load_state_dict",
    "model_card",
    "read_metadata",
    "resolve",
    "verify",
    "write_record",
]
