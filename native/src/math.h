// The functions of the gates and activations on vectors: errors of a few units of the last place.
#pragma once

#include "simd.h"

SEGUE_BEGIN

// Horner's rule: the coefficients from the highest power down.
SEGUE_INLINE Vector polynomial(Vector, Vector sum) { return sum; }
template <class... More>
SEGUE_INLINE Vector polynomial(Vector x, Vector sum, float next, More... more) {
  return polynomial(x, fma(sum, x, broadcast(next)), more...);
}

// exp(x) for x from -87 to 88, and the values there beyond; NaN stays NaN.
//
// As `expf` of Cephes (Moshier): x = n ln 2 + r with |r| <= ln 2 / 2, and a polynomial of r.
SEGUE_INLINE Vector exp_clamped(Vector x) {
  x = max(broadcast(-87.0f), min(broadcast(88.0f), x));
  const Vector n = round(x * broadcast(1.44269504f));
  Vector r = fma(n, broadcast(-0.693359375f), x);  // ln 2 in two parts: the first one is short
  r = fma(n, broadcast(2.12194440e-4f), r);
  const Vector p = polynomial(r, broadcast(1.9875691500e-4f), 1.3981999507e-3f, 8.3334519073e-3f,
                              4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f);
  return scale(fma(p, r * r, r + broadcast(1.0f)), n);
}

SEGUE_INLINE Vector sigmoid(Vector x) {
  return reciprocal(broadcast(1.0f) + exp_clamped(zero() - x));
}

// tanh(x) = x P(x^2) / Q(x^2), a minimax fit over |x| <= 9, where tanh is 1 in float32. So small
// values keep their relative precision, which 1 - 2 / (exp(2x) + 1) would lose.
SEGUE_INLINE Vector tanh(Vector x) {
  x = max(broadcast(-9.0f), min(broadcast(9.0f), x));
  const Vector y = x * x;
  const Vector p = polynomial(y, broadcast(1.3353412138927764e-8f), 2.060818406372564e-5f,
                              3.495534492816842e-3f, 0.13380981115292254f, 0.9999999796284387f);
  const Vector q = polynomial(y, broadcast(7.77604675614185e-7f), 3.2855462518465204e-4f,
                              2.5876779923441638e-2f, 0.46714296773661634f, 1.0f);
  return (x * p) * reciprocal(q);
}

SEGUE_END
