"""What is done to a network's fill before it is handed on."""
