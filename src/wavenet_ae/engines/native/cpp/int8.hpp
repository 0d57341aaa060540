// Numbers in bytes, four per word, with exact sums of their products.
//
//   w = scale_w q_w    one scale per row of weights, -127 <= q_w <= 127
//   x = scale_x q_x    one scale per input vector; stored as q_x + 128, which is unsigned
//
//   sum w x = scale_w scale_x (sum q_w (q_x + 128) - 128 sum q_w)
#pragma once

#include <algorithm>
#include <cmath>

#include "lanes.hpp"

constexpr int PER_WORD = 4;
constexpr float MOST = 127;
constexpr float LEAST = 1e-30f;  // range of a row or vector of zeros, which is a divisor
constexpr int32_t ZERO = 128;    // the input 0, packed
using Sum = Words;

inline Sum dot(Words weights, Words inputs, Sum sum) { return dot_int8(weights, inputs, sum); }

struct Row {
  float scale = 0;
  int32_t offset = 0;
};

inline Row pack_row(const float* values, int size, int32_t* words) {
  float most = LEAST;
  for (int i = 0; i < size; i++) most = std::max(most, std::fabs(values[i]));
  auto* bytes = reinterpret_cast<int8_t*>(words);
  int32_t total = 0;
  for (int i = 0; i < size; i++) {
    bytes[i] = int8_t(std::nearbyint(values[i] * (MOST / most)));
    total += bytes[i];
  }
  return {most / MOST, ZERO * total};
}

// Packs a multiple of LANES values into words; returns the scale of the packed values.
inline float pack_input(const float* values, int size, int32_t* words) {
  Floats most = all(LEAST);
  for (int i = 0; i < size; i += LANES) {
    const Floats value = load<Floats>(values + i);
    most = maximum(most, maximum(value, -value));
  }
  const float range = largest(most), per_step = MOST / range;
  // A float32 of this magnitude has no fraction: its lowest bits are the rounded number.
  const Floats shift = all(12582912.0f + ZERO);  // 1.5 * 2^23
  auto* bytes = reinterpret_cast<uint8_t*>(words);
  for (int i = 0; i < size; i += LANES) {
    const Words shifted = Words(multiply_add(load<Floats>(values + i), all(per_step), shift));
    store(bytes + i, lowest_bytes(shifted));
  }
  return range * (1 / MOST);
}

inline Floats finished(Sum sum, const int32_t* offsets, const float* scales, float input_scale) {
  const Floats whole = __builtin_convertvector(sum - load<Words>(offsets), Floats);
  return whole * (load<Floats>(scales) * all(input_scale));
}
