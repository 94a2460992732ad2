"""Working through more pictures than one machine can: on Ray Data."""
