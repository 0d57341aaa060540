"""Models on the Hugging Face Hub: `hf://OWNER/NAME`, or a revision of it, `hf://OWNER/NAME@v1`.

The client, huggingface_hub, is an optional package.  It keeps what it has loaded in its own cache,
and takes its token and address from the environment (HF_HOME, HF_TOKEN, HF_ENDPOINT).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError

PREFIX = "hf://"
ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([^@\s]+))?")
SNAPSHOTS, MODELS = "snapshots", "models--"  # names in the cache of the client


def is_address(text: str) -> bool:
    """Returns whether a text names something on the hub."""
    return text.startswith(PREFIX)


@cache
def download(address: str, *files: str) -> Path:
    """Downloads files of a repository, unless its cache has them.

    Args:
        address: `hf://OWNER/NAME`, or `hf://OWNER/NAME@REVISION`.
        *files: Names of the files.

    Returns:
        The folder of the files, in the cache of the client.

    Raises:
        UserError: The address is none, the client is not installed, or there is no such repository.
    """
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise UserError(
            f"{address} is no address: write hf://OWNER/NAME or hf://OWNER/NAME@REVISION"
        )
    client = _client(address)
    try:
        folder = client.snapshot_download(found[1], revision=found[2], allow_patterns=[*files])
    except Exception as error:  # also those of the library by which the client speaks HTTP
        raise UserError(f"{address} cannot be downloaded: {_reason(error)}") from None
    missing = [each for each in files if not (Path(folder) / each).is_file()]
    if missing:
        raise UserError(
            f"{address} holds no model of wavenet_ae: it has no {' and no '.join(missing)}.  Name "
            "a repository that push_to_hub has written"
        )
    return Path(folder)


def upload(folder: Path, repository: str, files: Sequence[str], private: bool = False) -> str:
    """Uploads files of a folder to a repository, which is made where there is none.

    Args:
        folder: The folder.
        repository: `OWNER/NAME`.
        files: Names of the files.
        private: Whether a new repository is private.

    Returns:
        The address of the commit.

    Raises:
        UserError: The client is not installed, or the hub refuses.
    """
    api = _client(repository).HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=[*files],
            commit_message="Upload a model of wavenet_ae",
        )
    except Exception as error:  # see above
        raise UserError(f"{repository} cannot be uploaded to: {_reason(error)}") from None
    download.cache_clear()  # the branch has another model now
    return str(commit.commit_url)


def cached_name(folder: Path) -> str | None:
    """Returns the name of the repository whose files lie in a folder of the cache, else None."""
    repository = folder.parent.parent.name
    if folder.parent.name != SNAPSHOTS or not repository.startswith(MODELS):
        return None
    return repository.rpartition("--")[2]


def _client(wanted_for: str) -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            f"{wanted_for} needs the client of the Hugging Face Hub: pip install 'wavenet_ae[hub]'"
        ) from None
    return huggingface_hub


def _reason(error: Exception) -> str:
    """Returns what an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
