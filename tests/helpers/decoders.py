"""Shapes of decoders that every engine is tested with."""

# Odd channels, filters of 1 to 3 taps, dilation tables, held conditioning and none.
DECODERS = {
    "two taps": dict(kernel=2, num_blocks=2, layers_per_block=4, conditioning_hop=5),
    "three taps": dict(kernel=3, num_blocks=1, layers_per_block=5, conditioning_hop=4),
    "one tap": dict(kernel=1, num_blocks=1, layers_per_block=3, conditioning_hop=3),
    "one layer": dict(kernel=2, num_blocks=1, layers_per_block=1, conditioning_hop=1),
    "sample rate": dict(kernel=2, num_blocks=1, layers_per_block=5, conditioning_hop=1),
    "no conditioning": dict(kernel=2, num_blocks=1, layers_per_block=4, conditioning_hop=256),
}
