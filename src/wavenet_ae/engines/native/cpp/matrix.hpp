// Rows of a weight matrix in the order in which they are read.
//
// LANES rows are a block, PANEL_BLOCKS blocks a panel.  A panel holds word 0 of all its rows, then
// word 1 of all its rows, ...; so a matrix, and all matrices of a sample, are read from end to end:
//
//   panel 0: [word 0: block 0 | block 1 | ..] [word 1: block 0 | block 1 | ..] ..   panel 1: ..
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "memory.hpp"
#include "precision.hpp"

constexpr int PANEL_BLOCKS = 4;  // their sums stay in registers
constexpr int NO_ROW = -1;  // of zeros, where rows are fewer than lanes

// Vectors are kept in whole lanes, zeros at their end; those without elements as zeros alone.
inline int padded(int size) { return std::max(1, (size + LANES - 1) / LANES) * LANES; }
inline int num_words(int size) { return padded(size) / PER_WORD; }

struct Matrix {
  int num_blocks = 0, num_words = 0;
  const int32_t* words = nullptr;
  const int32_t* offsets = nullptr;  // of rows
  const float* scales = nullptr;
};

// A matrix in float32, its rows `stride` apart.
struct Source {
  const float* values;
  int num_columns;
  ptrdiff_t stride;

  const float* row(int index) const { return values + index * stride; }
};

// The given rows; their number is a multiple of LANES.
inline Matrix pack(Arena& arena, const Source& source, const std::vector<int>& rows) {
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
    const int blocks = std::min(PANEL_BLOCKS, matrix.num_blocks - first);  // of its panel
    int32_t* to = words + size_t(first) * LANES * matrix.num_words;
    to += (block - first) * LANES + row % LANES;
    for (int word = 0; word < matrix.num_words; word++) to[word * blocks * LANES] = packed[word];
  }
  matrix.words = words;
  matrix.offsets = offsets;
  matrix.scales = scales;
  return matrix;
}
