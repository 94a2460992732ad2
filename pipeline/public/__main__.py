"""`python -m unmask` runs the program `unmask`."""

from pipeline.__main__ import main

if __name__ == "__main__":
    main()
