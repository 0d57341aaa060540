"""`python train.py ...` is `wavenet-ae train ...`."""

from wavenet_ae.cli.train import main

if __name__ == "__main__":
    main()
