"""`python -m wavenet_ae COMMAND`."""

from wavenet_ae.cli import main

if __name__ == "__main__":
    main()
