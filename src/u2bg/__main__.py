"""`python -m u2bg` is `u2bg`."""

from u2bg.cli import main

if __name__ == "__main__":
    main()
