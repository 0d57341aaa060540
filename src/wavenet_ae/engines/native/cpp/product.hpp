// Products of a matrix and one or more input vectors.
//
// Every output is summed word by word, whatever its tile. A stream's samples are therefore the
// same, bit by bit, for any other streams beside it, any chunk size and any number of threads.
#pragma once

#include "matrix.hpp"

// Input vectors, packed by `pack_input`, in sequence.
struct Inputs {
  const int32_t* words;
  const float* scales;
};

// Float vector for each input vector; with stride 0, all share one.
struct Columns {
  const float* values;
  ptrdiff_t stride;
};

// Adds the products of one word of a panel's rows and the same word of some input vectors.
template <int BLOCKS, int COLUMNS>
inline void add_word(const int32_t* weights, const int32_t* inputs, int stride,
                     Sum (&sums)[BLOCKS][COLUMNS]) {
  for (int block = 0; block < BLOCKS; block++) {
    const Words weight = load<Words>(weights + block * LANES);
    for (int column = 0; column < COLUMNS; column++)
      sums[block][column] = dot(weight, all(inputs[column * stride]), sums[block][column]);
  }
}

// Computes out = start + matrix x inputs for a panel and some input vectors. Sums stay in registers
// if all loops over them are unrolled.
template <int BLOCKS, int COLUMNS>
inline void multiply_tile(const Matrix& matrix, int first, int column, Inputs inputs, Columns start,
                          float* out, ptrdiff_t out_stride) {
  const int num_words = matrix.num_words;
  const int32_t* const weights = matrix.words + size_t(first) * LANES * num_words;
  const int32_t* const own = inputs.words + column * num_words;
  Sum sums[BLOCKS][COLUMNS] = {};
  for (int word = 0; word < num_words; word++)
    add_word(weights + word * BLOCKS * LANES, own + word, num_words, sums);
#pragma GCC unroll 8
  for (int c = 0; c < COLUMNS; c++)
#pragma GCC unroll 8
    for (int block = 0; block < BLOCKS; block++) {
      const int row = (first + block) * LANES;
      const Floats before = load<Floats>(start.values + (column + c) * start.stride + row);
      const Floats sum = finished(sums[block][c], matrix.offsets + row, matrix.scales + row,
                                  inputs.scales[column + c]);
      store(out + (column + c) * out_stride + row, before + sum);
    }
}

// Multiplies a panel with all columns, in tiles as wide as registers allow and narrower ones for
// the rest.
template <int BLOCKS, int COLUMNS = TILE_COLUMNS>
inline void multiply_panel(const Matrix& matrix, int first, int column, int num_columns,
                           Inputs inputs, Columns start, float* out, ptrdiff_t out_stride) {
  for (; column + COLUMNS <= num_columns; column += COLUMNS)
    multiply_tile<BLOCKS, COLUMNS>(matrix, first, column, inputs, start, out, out_stride);
  if constexpr (COLUMNS > 1)
    multiply_panel<BLOCKS, COLUMNS - 1>(matrix, first, column, num_columns, inputs, start, out,
                                        out_stride);
}

template <int BLOCKS = PANEL_BLOCKS>
inline void multiply_panel_of(int blocks, const Matrix& matrix, int first, int num_columns,
                              Inputs inputs, Columns start, float* out, ptrdiff_t out_stride) {
  if (blocks == BLOCKS)
    multiply_panel<BLOCKS>(matrix, first, 0, num_columns, inputs, start, out, out_stride);
  else if constexpr (BLOCKS > 1)
    multiply_panel_of<BLOCKS - 1>(blocks, matrix, first, num_columns, inputs, start, out,
                                  out_stride);
}

// Computes out = start + matrix x inputs for each input vector; `out` may be `start`.
inline void multiply(const Matrix& matrix, int num_columns, Inputs inputs, Columns start,
                     float* out, ptrdiff_t out_stride) {
  for (int first = 0; first < matrix.num_blocks; first += PANEL_BLOCKS) {
    const int blocks = std::min(PANEL_BLOCKS, matrix.num_blocks - first);
    multiply_panel_of(blocks, matrix, first, num_columns, inputs, start, out, out_stride);
  }
}
