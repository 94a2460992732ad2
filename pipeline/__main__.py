"""`python -m pipeline` is the program `unmask`."""

import sys

from weights.base import stopping


def main() -> None:
    """Run the program and exit; a signal stops it gracefully during its imports too."""
    stopping.install()
    try:
        from pipeline.command_line import main as run

        run()
    except (Exception, KeyboardInterrupt):
        # A library interrupted during its import may fail in any way.
        if not stopping.stop_asked():
            raise
        print("unmask: stopped.", file=sys.stderr)
        sys.exit(stopping.exit_code())
    finally:
        # While Python exits, libraries would print a traceback instead.
        stopping.end_at_once()


if __name__ == "__main__":
    main()
