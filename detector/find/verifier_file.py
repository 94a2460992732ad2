"""Verifier weights as safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork
from weights.catalog.network_file import NetworkFile

VERIFIER_FILE = NetworkFile("confirmation", VerifierConfiguration, VerifierNetwork)
FORMAT = VERIFIER_FILE.format

save_verifier = VERIFIER_FILE.save
load_verifier = VERIFIER_FILE.load
describe_verifier = VERIFIER_FILE.describe
