"""The program: `nnlab`, or `python -m nnlab`; here is only what must not wait for imports."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        from nnlab.cli.main import main
    except KeyboardInterrupt:
        print("interrupted before it began", file=sys.stderr)
        sys.exit(130)
    main()


if __name__ == "__main__":
    main()
