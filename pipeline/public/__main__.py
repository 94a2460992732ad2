"""`python -m unmask` runs the program `unmask`."""

from pipeline.command_line import main

if __name__ == "__main__":
    main()
