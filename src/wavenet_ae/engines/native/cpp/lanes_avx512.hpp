// Paths of processors with AVX-512 (F, BW, DQ, VL): 32 registers of sixteen lanes, and dot products
// if the compiled path has them.
#pragma once

#include <immintrin.h>

constexpr int TILE_COLUMNS = 4;  // input vectors that are multiplied with a panel at once

inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats maximum(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats minimum(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline float largest(Floats a) { return _mm512_reduce_max_ps(a); }
inline float total(Floats a) { return _mm512_reduce_add_ps(a); }
inline Bytes lowest_bytes(Words words) { return Bytes(_mm512_cvtepi32_epi8(__m512i(words))); }
inline Halves lowest_halves(Words words) { return Halves(_mm512_cvtepi32_epi16(__m512i(words))); }

inline Floats dot_bfloat16(Words weights, Words inputs, Floats sum) {
#if defined(__AVX512BF16__)
  return _mm512_dpbf16_ps(sum, __m512bh(weights), __m512bh(inputs));
#else
  const Words high = all(int32_t(0xffff0000));
  sum = multiply_add(Floats(weights << 16), Floats(inputs << 16), sum);
  return multiply_add(Floats(weights & high), Floats(inputs & high), sum);
#endif
}

inline Words dot_int8(Words weights, Words inputs, Words sum) {
  const __m512i w = __m512i(weights), x = __m512i(inputs);
#if defined(__AVX512VNNI__)
  return Words(_mm512_dpbusd_epi32(__m512i(sum), x, w));
#else  // in 16 bits, bytes 0 and 2 of each word, then 1 and 3, as in lanes_avx2.hpp
  const __m512i even = _mm512_madd_epi16(_mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8),
                                         _mm512_and_si512(x, _mm512_set1_epi16(255)));
  const __m512i odd = _mm512_madd_epi16(_mm512_srai_epi16(w, 8), _mm512_srli_epi16(x, 8));
  return sum + Words(even) + Words(odd);
#endif
}
