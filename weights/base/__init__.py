"""What every package builds on: errors, contracts, regions, settings, files."""
