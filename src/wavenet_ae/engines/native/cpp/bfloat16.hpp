// Numbers in bfloat16: the upper half of a float32, rounded to nearest, two per word. Sums are
// float32.
#pragma once

#include "lanes.hpp"

constexpr int PER_WORD = 2;
using Sum = Floats;

inline Sum dot(Words weights, Words inputs, Sum sum) { return dot_bfloat16(weights, inputs, sum); }

// Packs a multiple of LANES values into words; returns the scale of the packed values.
inline float pack_input(const float* values, int size, int32_t* words) {
  auto* halves = reinterpret_cast<uint16_t*>(words);
  for (int i = 0; i < size; i += LANES) {
    const Words bits = Words(load<Floats>(values + i));
    const Words rounded = bits + 0x7fff + ((bits >> 16) & 1);  // ties to even
    store(halves + i, lowest_halves(rounded >> 16));
  }
  return 1;
}

struct Row {
  float scale = 1;
  int32_t offset = 0;
};

inline Row pack_row(const float* values, int size, int32_t* words) {
  pack_input(values, size, words);
  return {};
}

inline Floats finished(Sum sum, const int32_t*, const float*, float) { return sum; }
