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
from wavenet_ae.labels.item import Item, items_by_file, read_item_file, segments_of_items
from wavenet_ae.labels.mapping import (
    AS_THEY_ARE,
    LabelMapping,
    mapping_of,
    read_mapping,
)
from wavenet_ae.labels.segments import (
    EXCLUDED,
    UNLABELED,
    DamagedLabels,
    Segments,
    label_at,
    label_inventory,
    segments_within,
)
from wavenet_ae.labels.textgrid import read_textgrid
from wavenet_ae.labels.timit import LABEL_RATE, read_phn, read_wrd

__all__ = [
    "AS_THEY_ARE",
    "BESIDE",
    "EXCLUDED",
    "LABEL_RATE",
    "UNLABELED",
    "DamagedLabels",
    "Item",
    "ItemLabels",
    "LabelFiles",
    "LabelMapping",
    "LabelSource",
    "Segments",
    "items_by_file",
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
    "segments_of_items",
    "segments_within",
]
