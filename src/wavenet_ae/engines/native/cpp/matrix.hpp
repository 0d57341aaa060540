// Weight matrices, packed in the order in which they are read.
//
// LANES rows are a block, and PANEL_BLOCKS blocks a panel. A panel holds word 0 of all its rows,
// then word 1 of all its rows, and so on, so that a matrix, and all matrices of a sample, are read
// from end to end:
//
//   panel 0: [word 0: block 0 | block 1 | ..] [word 1: block 0 | block 1 | ..] ..   panel 1: ..
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "memory.hpp"
#include "precision.hpp"

constexpr int PANEL_BLOCKS = 4;  // few enough that their sums stay in registers
constexpr int NO_ROW = -1;  // a row of zeros that fills up the last block

// Vectors are stored in whole lanes, padded with zeros; an empty vector takes one block of lanes.
inline int padded(int size) { return std::max(1, (size + LANES - 1) / LANES) * LANES; }
inline int num_words(int size) { return padded(size) / PER_WORD; }

// Packed matrix; offsets and scales are those of int8, by row.
struct Matrix {
  int num_blocks = 0, num_words = 0;
  const int32_t* words = nullptr;
  const int32_t* offsets = nullptr;  // by row
  const float* scales = nullptr;
};

// Matrix in float32 whose rows are `stride` apart.
struct MatrixView {
  const float* values;
  int num_columns;
  ptrdiff_t stride;

  const float* row(int index) const { return values + index * stride; }
};

// Packs the given rows, whose number is a multiple of LANES.
inline Matrix pack(Arena& arena, const MatrixView& source, const std::vector<int>& rows) {
  Matrix matrix;
  matrix.num_blocks = int(rows.size()) / LANES;
  matrix.num_words = num_words(source.num_columns);
  auto* const words = arena.take<int32_t>(rows.size() * matrix.num_words);
  auto* const offsets = arena.take<int32_t>(rows.size());
  auto* const scales = arena.take<float>(rows.size());
  if (!words) return matrix;  // the arena only counts
  std::vector<float> values(padded(source.num_columns));
  std::vector<int32_t> packed(matrix.num_words);
  for (size_t row = 0; row < rows.size(); row++) {
    std::fill(values.begin(), values.end(), 0.0f);
    if (rows[row] != NO_ROW)
      std::copy_n(source.row(rows[row]), source.num_columns, values.begin());
    const Row how = pack_row(values.data(), int(values.size()), packed.data());
    offsets[row] = how.offset;
    scales[row] = how.scale;
    const int block = int(row) / LANES, first = block / PANEL_BLOCKS * PANEL_BLOCKS;
    const int blocks = std::min(PANEL_BLOCKS, matrix.num_blocks - first);  // blocks of its panel
    int32_t* to = words + size_t(first) * LANES * matrix.num_words;
    to += (block - first) * LANES + row % LANES;
    for (int word = 0; word < matrix.num_words; word++) to[word * blocks * LANES] = packed[word];
  }
  matrix.words = words;
  matrix.offsets = offsets;
  matrix.scales = scales;
  return matrix;
}
