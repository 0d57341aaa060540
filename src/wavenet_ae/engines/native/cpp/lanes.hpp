// Vectors of LANES numbers, in the widest registers of the path that is compiled.
//
// GCC and Clang define the ordinary operators for vector types. Each path's file adds the few
// operations for which processors have special instructions.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Words __attribute__((vector_size(4 * LANES)));  // 1, 2 or 4 numbers in each
typedef uint8_t Bytes __attribute__((vector_size(LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));

template <class Vector, class Value>
inline Vector load(const Value* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof(Vector));
  return vector;
}

template <class Vector, class Value>
inline void store(Value* to, Vector vector) {
  std::memcpy(to, &vector, sizeof(Vector));
}

inline Floats all(float value) { return value - Floats{}; }
inline Words all(int32_t value) { return value - Words{}; }

// Each path defines
//   multiply_add(a, b, c)        a b + c
//   maximum(a, b), minimum(a, b)
//   largest(a), total(a)         over all lanes; the total always adds in the same order
//   lowest_bytes(words)          the lowest byte of each word
//   lowest_halves(words)         the lower half of each word
//   dot_bfloat16(w, x, sum)      sum + the products of the two bfloat16 of each word
//   dot_int8(w, x, sum)          sum + the products of the four bytes of each word, w signed
#if defined(__AVX512F__)
#include "lanes_avx512.hpp"
#elif defined(__AVX2__)
#include "lanes_avx2.hpp"
#else
#include "lanes_portable.hpp"
#endif
