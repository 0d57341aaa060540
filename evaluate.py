"""`python evaluate.py ...` is `wavenet-ae evaluate ...`."""

from wavenet_ae.cli.evaluate import main

if __name__ == "__main__":
    main()
