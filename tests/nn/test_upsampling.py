"""Upsampling against its geometry."""

from __future__ import annotations

import pytest
import torch

from wavenet_ae.nn.conditioning import Upsampling


@pytest.mark.parametrize(
    "strides, kernels", [((4,), (8,)), ((5, 4), (25, 16)), ((2, 3), (2, 5)), ((), ())]
)
def test_lengths_and_reads_are_those_of_its_chain(strides, kernels):
    torch.manual_seed(0)
    layer = Upsampling(3, dim=4, strides=strides, kernels=kernels).double()
    num_codes = 12
    vectors = torch.randn(1, 3, num_codes, dtype=torch.float64)
    length = layer.chain.output_length(num_codes)
    assert layer(vectors).shape == (1, 4, length)
    for code in range(num_codes):
        holed = vectors.clone()
        holed[..., code] = torch.nan
        affected = layer(holed)[0].isnan().any(dim=0)
        expected = [code in layer.chain.inputs_read(each) for each in range(length)]
        assert affected.tolist() == expected


def test_strides_and_kernels_must_pair():
    with pytest.raises(ValueError, match="1 strides but 2 kernels"):
        Upsampling(3, strides=(4,), kernels=(8, 8))
