"""`python generate.py ...` is `wavenet-ae generate ...`."""

from wavenet_ae.cli.generate import main

if __name__ == "__main__":
    main()
