"""Tests of `avae_jax.training.aot.hlo`."""

from avae_jax.training.aot import hlo

PROGRAM = """
  %a = (f32[8,4]{1,0}, bf16[3]{0}) all-reduce-start(%x, %y), channel_id=3, to_apply=%sum
  %b = (f32[8,4]{0,1}, bf16[3]{0}) all-reduce(%x, %y), channel_id=3, to_apply=%sum
  %count = s32[] all-reduce(%n), channel_id=3, to_apply=%sum
  %c = f32[16,2]{1,0} all-gather(%z), channel_id=4, dimensions={0}
  %d = f32[64,576,1]{2,1,0} gather(%image, %index), slice_sizes={1,1}
  %e = f32[64,576]{1,0} gather(%image, %index), slice_sizes={1,576}
  %f = f32[4,3,3]{2,1,0} gather(%pose, %index), slice_sizes={1,3,3}
"""


def test_collectives_read_from_the_text_of_a_program():
    """What a program holds is read from its text."""
    crossing = hlo.collectives(PROGRAM)
    assert [tuple(one) for one in crossing] == [
        ("all-reduce", 134),
        ("all-gather", 128),
        ("all-reduce", 4),
    ]
    assert hlo.pixel_gathers(PROGRAM) == 1


LOWERED = """
    %1 = "stablehlo.all_reduce"(%0) <{channel_handle = #stablehlo.channel_handle<handle = 1>}> ({
    ^bb0(%arg1: tensor<f32>, %arg2: tensor<f32>):
      %3 = stablehlo.add %arg1, %arg2 : tensor<f32>
      stablehlo.return %3 : tensor<f32>
    }) : (tensor<64x8xf32>) -> tensor<64x8xf32>
    %2 = "stablehlo.all_gather"(%1) : (tensor<4xbf16>) -> tensor<8xbf16>
"""


def test_lowered_collectives_before_sums_are_joined():
    """The same before a compiler joins sums."""
    crossing = hlo.lowered_collectives(LOWERED)
    assert [tuple(one) for one in crossing] == [("all-reduce", 2048), ("all-gather", 16)]
