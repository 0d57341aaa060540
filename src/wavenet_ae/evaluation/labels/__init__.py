"""Labels of what is spoken: read from files, mapped by tables, asked for at instants."""

from wavenet_ae.evaluation.labels.finding import (
    BESIDE,
    ItemLabels,
    LabelFiles,
    LabelSource,
    key_stem,
    label_source,
    read_segments,
)
from wavenet_ae.evaluation.labels.item import Item, item_segments, read_item_file
from wavenet_ae.evaluation.labels.mapping import (
    AS_THEY_ARE,
    LabelMapping,
    mapping_of,
    read_mapping,
)
from wavenet_ae.evaluation.labels.segments import (
    EXCLUDED,
    UNLABELLED,
    Segments,
    label_at,
    label_inventory,
)
from wavenet_ae.evaluation.labels.textgrid import read_textgrid
from wavenet_ae.evaluation.labels.timit import LABEL_RATE, read_phn, read_wrd

__all__ = [
    "AS_THEY_ARE",
    "BESIDE",
    "EXCLUDED",
    "LABEL_RATE",
    "UNLABELLED",
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
