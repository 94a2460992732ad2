"""Mask detection: the YOLO network, the verifier of its detections, their weight files."""
