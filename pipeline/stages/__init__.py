"""Looking up, making and checking stages."""
