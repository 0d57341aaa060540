"""Names of streams of codes, in ids and in folders.

A model makes one stream of codes, or several, such as the `top` and the `bottom` of a hierarchical
VQ-VAE. The stream of a model with only one is called `codes`, and nothing names it. What belongs to
one of several is named by its own name, a slash, and the name of the stream:

    bitrate/nominal            of all streams together
    bitrate/nominal/top        of one of them
    units.pnmi, system=codes/top
    OUT/top/NAME.npy           codes of a recording in this stream
"""

from __future__ import annotations

ONLY_STREAM = "codes"  # of a model with one


def of_stream(id: str, stream: str) -> str:
    """Returns the id of something that belongs to a stream."""
    return id if stream == ONLY_STREAM else f"{id}/{stream}"


def folder_of(stream: str) -> str:
    """Returns the folder of a stream's files, within that of the results: none for the only one."""
    return "" if stream == ONLY_STREAM else stream
