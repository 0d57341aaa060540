"""Caches of machine code: folders that nobody but their owner can change.

A library is loaded into this process, so whoever can write into the cache can run code as its user.
A cache may lie below a folder that is shared, such as /tmp: what decides is who owns the cache, who
may write to it, and who could put another one in its place.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from wavenet_ae.errors import UserError
from wavenet_ae.storage import cache_folder

VARIABLE = "WAVENET_AE_CACHE"
OTHERS = stat.S_IWGRP | stat.S_IWOTH  # may write


class NotPrivate(UserError):
    """Raised if another user could change what a cache holds; the text says what helps."""


def cache_of(name: str) -> Path:
    """Returns the folder of a cache, below $WAVENET_AE_CACHE or ~/.cache/wavenet_ae.

    Raises:
        UserError: If neither WAVENET_AE_CACHE nor HOME is set.
    """
    return cache_folder() / name


def make_private(folder: Path) -> Path:
    """Makes a folder, and those above it that are missing, for its owner alone.

    Returns:
        The folder without links, so that what is checked is what is used.

    Raises:
        OSError: If it cannot be made.
        NotPrivate: If another user owns it, or can change or replace it.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    place = folder.resolve(strict=True)
    require_private(place)
    for above in place.parents:
        _require_irreplaceable(above, place)
    return place


def require_private(path: Path) -> None:
    """Raises NotPrivate unless a file or folder is this user's or root's, and they alone may write.

    Args:
        path: The file or folder. A link is refused.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate(f"{path} is a link and is not used: {_remedy(path)}")
    if found.st_uid not in _trusted():
        raise NotPrivate(
            f"{path} belongs to another user (uid {found.st_uid}), who could run code as you: "
            f"{_remedy(path)}"
        )
    if found.st_mode & OTHERS:
        raise NotPrivate(
            f"{path} can be written by other users (mode {stat.S_IMODE(found.st_mode):o}), who "
            f"could run code as you: {_remedy(path)}"
        )


def _require_irreplaceable(above: Path, place: Path) -> None:
    """Raises NotPrivate where another user can rename what lies in a folder above a cache."""
    found = above.lstat()
    others = stat.S_IWOTH if _is_own_group(found.st_gid) else OTHERS
    is_open = found.st_mode & others and not found.st_mode & stat.S_ISVTX
    if found.st_uid not in _trusted() or is_open:
        raise NotPrivate(
            f"{place} lies below {above}, where another user could replace it and run code as "
            f"you: set {VARIABLE} to a folder in one of your own"
        )


def _trusted() -> tuple[int, int]:
    return (0, os.geteuid())


def _is_own_group(group: int) -> bool:
    """Returns whether a group is root's, or the private one that many systems give each user."""
    if group == 0:
        return True
    try:
        user = pwd.getpwuid(os.geteuid())
        return group == user.pw_gid and grp.getgrgid(group).gr_name == user.pw_name
    except KeyError:  # no entry for the user or the group
        return False


def _remedy(path: Path) -> str:
    return f"remove it, or set {VARIABLE} to a folder of your own"
