// Elementary functions of LANES numbers at once.
#pragma once

#include "lanes.hpp"

// e^x with a relative error of about 1e-7; 0 below -87. e^x = 2^n e^r with |r| <= ln 2 / 2; the
// polynomial is that of the Cephes library.
inline Floats exponential(Floats x) {
  const Floats bounded = minimum(maximum(x, all(-87.0f)), all(88.0f));
  const Floats shift = all(12582912.0f);  // 1.5 * 2^23: a float32 of this magnitude has no fraction
  const Floats shifted = multiply_add(bounded, all(1.44269504f), shift);
  const Floats n = shifted - shift;
  Floats r = multiply_add(n, all(-0.693359375f), bounded);  // ln 2 in two parts
  r = multiply_add(n, all(2.12194440e-4f), r);
  Floats power = all(1.9875691500e-4f);
  for (const float next : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                           1.6666665459e-1f, 5.0000001201e-1f, 1.0f, 1.0f})
    power = multiply_add(power, r, all(next));
  const Words exponent = (Words(shifted) - Words(shift) + 127) << 23;  // the bits of 2^n
  return x < all(-87.0f) ? Floats{} : power * Floats(exponent);
}

// Gated activation, tanh(a) sigmoid(b) = (e^2a - 1) / ((e^2a + 1) (1 + e^-b)), with a single
// division.
inline Floats gated(Floats a, Floats b) {
  a = minimum(maximum(a, all(-15.0f)), all(15.0f));
  b = minimum(maximum(b, all(-30.0f)), all(30.0f));
  const Floats doubled = exponential(a + a), inverse = exponential(-b), one = all(1.0f);
  return (doubled - one) / ((doubled + one) * (one + inverse));
}

inline Floats rectified(Floats x) { return maximum(x, Floats{}); }
