"""`python -m vapora`."""

from vapora.cli.main import main

if __name__ == "__main__":
    main()
