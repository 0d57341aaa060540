"""Is there a W&B account to talk to?"""

from __future__ import annotations

import os


def has_login() -> bool:
    """Whether W&B may be talked to; never asks for a login."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    import wandb  # takes a second, which only its users wait

    if wandb.login(prompt=False):
        return True
    wandb.teardown()  # or the mode in which it has been asked, online, would stay that of runs
    return False
