"""The commands of the program `unmask`, one file each."""
