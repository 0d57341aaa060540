// Path of any processor: what the compiler makes of vector types.
#pragma once

#include <algorithm>

constexpr int TILE_COLUMNS = 2;  // input vectors that are multiplied with a panel at once

inline Floats multiply_add(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats maximum(Floats a, Floats b) { return a > b ? a : b; }
inline Floats minimum(Floats a, Floats b) { return a < b ? a : b; }
inline float largest(Floats a) { return std::max(std::max(a[0], a[1]), std::max(a[2], a[3])); }
inline float total(Floats a) { return (a[0] + a[2]) + (a[1] + a[3]); }
inline Bytes lowest_bytes(Words words) { return __builtin_convertvector(words, Bytes); }
inline Halves lowest_halves(Words words) { return __builtin_convertvector(words, Halves); }

inline Floats dot_bfloat16(Words weights, Words inputs, Floats sum) {
  const Words high = all(int32_t(0xffff0000));
  sum = multiply_add(Floats(weights << 16), Floats(inputs << 16), sum);
  return multiply_add(Floats(weights & high), Floats(inputs & high), sum);
}

inline Words dot_int8(Words weights, Words inputs, Words sum) {
  for (int byte = 0; byte < 4; byte++) {
    const Words weight = (weights << (24 - 8 * byte)) >> 24;  // with its sign
    sum += weight * ((inputs >> (8 * byte)) & 255);
  }
  return sum;
}
