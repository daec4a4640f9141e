"""`python -m livecam`."""

from livecam.cli.main import main

if __name__ == "__main__":
    main()
