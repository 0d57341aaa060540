// Path of processors with AVX2 and FMA: sixteen registers of eight lanes.
#pragma once

#include <immintrin.h>

constexpr int TILE_COLUMNS = 2;  // input vectors that are multiplied with a panel at once

inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats maximum(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats minimum(Floats a, Floats b) { return _mm256_min_ps(a, b); }

inline float largest(Floats a) {
  __m128 most = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  most = _mm_max_ps(most, _mm_movehl_ps(most, most));
  return _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most)));
}

inline float total(Floats a) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

inline Halves lowest_halves(Words words) {
  const __m256i low = _mm256_and_si256(__m256i(words), _mm256_set1_epi32(0xffff));
  return Halves(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}

inline Bytes lowest_bytes(Words words) {
  const __m128i halves = __m128i(lowest_halves(words & 255));
  return Bytes(_mm_cvtsi128_si64(_mm_packus_epi16(halves, halves)));
}

inline Floats dot_bfloat16(Words weights, Words inputs, Floats sum) {
  const Words high = all(int32_t(0xffff0000));
  sum = multiply_add(Floats(weights << 16), Floats(inputs << 16), sum);
  return multiply_add(Floats(weights & high), Floats(inputs & high), sum);
}

// Multiplies in 16 bits, bytes 0 and 2 of each word, then 1 and 3, because the instruction that
// multiplies bytes would clip the sums of two products.
inline Words dot_int8(Words weights, Words inputs, Words sum) {
  const __m256i w = __m256i(weights), x = __m256i(inputs), low = _mm256_set1_epi16(255);
  const __m256i even = _mm256_madd_epi16(_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8),
                                         _mm256_and_si256(x, low));
  const __m256i odd = _mm256_madd_epi16(_mm256_srai_epi16(w, 8), _mm256_srli_epi16(x, 8));
  return sum + Words(even) + Words(odd);
}
