"""The catalog of weight files, and the errors and contracts that all packages share."""

from weights.card import model_card
from weights.catalog import (
    DEFAULTS,
    default_name,
    get_record,
    list_records,
    list_weights,
    resolve,
    verify,
)
from weights.record import TrainingData, WeightKind, WeightRecord
from weights.store import load_state_dict, read_metadata, write_record

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
