// Numbers in float32, unchanged.
#pragma once

#include "lanes.hpp"

constexpr int PER_WORD = 1;
using Sum = Floats;

inline Sum dot(Words weights, Words inputs, Sum sum) {
  return multiply_add(Floats(weights), Floats(inputs), sum);
}

struct Row {
  float scale = 1;
  int32_t offset = 0;
};

inline Row pack_row(const float* values, int size, int32_t* words) {
  std::memcpy(words, values, 4 * size);
  return {};
}

// Packs a multiple of LANES values into words; returns the scale of the packed values.
inline float pack_input(const float* values, int size, int32_t* words) {
  std::memcpy(words, values, 4 * size);
  return 1;
}

inline Floats finished(Sum sum, const int32_t*, const float*, float) { return sum; }
