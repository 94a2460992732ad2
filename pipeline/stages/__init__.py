"""From a stage's name to a stage that is checked at its borders."""
