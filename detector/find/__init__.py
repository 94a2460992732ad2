"""Finding masks: the YOLO network, the verifier of its finds, their weight files."""
