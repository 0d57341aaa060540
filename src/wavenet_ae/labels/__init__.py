"""Phone and word labels: read from files, mapped by tables, and looked up at instants."""

from wavenet_ae.labels.finding import (
    BESIDE,
    ItemLabels,
    LabelFiles,
    LabelSource,
    key_stem,
    label_source,
    read_segments,
)
from wavenet_ae.labels.item import Item, item_segments, read_item_file
from wavenet_ae.labels.mapping import (
    AS_THEY_ARE,
    LabelMapping,
    mapping_of,
    read_mapping,
)
from wavenet_ae.labels.segments import (
    EXCLUDED,
    UNLABELED,
    Segments,
    label_at,
    label_inventory,
)
from wavenet_ae.labels.textgrid import read_textgrid
from wavenet_ae.labels.timit import LABEL_RATE, read_phn, read_wrd

__all__ = [
    "AS_THEY_ARE",
    "BESIDE",
    "EXCLUDED",
    "LABEL_RATE",
    "UNLABELED",
    "Item",
    "ItemLabels",
    "LabelFiles",
    "LabelMapping",
    "LabelSource",
    "Segments",
    "item_segments",
    "key_stem",
    "label_at",
    "label_inventory",
    "label_source",
    "mapping_of",
    "read_item_file",
    "read_mapping",
    "read_phn",
    "read_segments",
    "read_textgrid",
    "read_wrd",
]
