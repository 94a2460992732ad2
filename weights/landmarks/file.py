"""Landmark network files: safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

from weights.catalog.network_file import NetworkFile
from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

LANDMARK_FILE = NetworkFile("landmarks", LandmarkConfiguration, LandmarkNetwork)
FORMAT = LANDMARK_FILE.format

save_landmarks = LANDMARK_FILE.save
load_landmarks = LANDMARK_FILE.load
describe_landmarks = LANDMARK_FILE.describe
