"""Check for a W&B account."""

from __future__ import annotations

import os


def has_login() -> bool:
    """Returns whether W&B can be used; never asks for a login."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    import wandb  # takes a second, so it is imported only if needed

    if wandb.login(prompt=False):
        return True
    wandb.teardown()  # otherwise later runs would keep the mode of this check, online
    return False
