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

// exp(x) = power * 2^n. As `expf` of Cephes (Moshier): x = n ln 2 + r with |r| <= ln 2 / 2, and a
// polynomial of r.
struct Reduced {
  Vector power, n;
};
SEGUE_INLINE Reduced reduce_exp(Vector x) {
  const Vector n = round(x * broadcast(1.44269504f));
  Vector r = fma(n, broadcast(-0.693359375f), x);  // ln 2 in two parts: the first one is short
  r = fma(n, broadcast(2.12194440e-4f), r);
  const Vector p = polynomial(r, broadcast(1.9875691500e-4f), 1.3981999507e-3f, 8.3334519073e-3f,
                              4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f);
  return {fma(p, r * r, r + broadcast(1.0f)), n};
}

// x = 1 + exp(-x), of several vectors: each step for all of them, so that none waits for the one
// before; the bits are those of each alone. For |x| up to 79, and beyond it the values there; NaN
// stays NaN. exp(-x) is 2^(n + f), |f| <= 1/2, with a minimax polynomial of f; its relative error
// grows with |x|: where it is small the sum is 1, where it is large the reciprocal is next to 0.
constexpr float kExp2[] = {1.534581242594868e-4f, 1.3399930903688073e-3f, 9.618489071726799e-3f,
                           5.550328642129898e-2f, 0.24022646248340607f,   0.6931471824645996f,
                           1.0f};
template <int N>
SEGUE_INLINE void one_plus_exp_of_negative(Vector (&x)[N]) {
  Vector n[N], p[N];
  for (int i = 0; i < N; ++i) {
    x[i] = max(broadcast(-115.0f), min(broadcast(115.0f), x[i] * broadcast(-1.44269504f)));
  }
  for (int i = 0; i < N; ++i) n[i] = round(x[i]);
  for (int i = 0; i < N; ++i) x[i] = x[i] - n[i];
  for (int i = 0; i < N; ++i) p[i] = broadcast(kExp2[0]);
  for (int k = 1; k < 7; ++k) {
    for (int i = 0; i < N; ++i) p[i] = fma(p[i], x[i], broadcast(kExp2[k]));
  }
  for (int i = 0; i < N; ++i) x[i] = broadcast(1.0f) + scale(p[i], n[i]);
}

SEGUE_INLINE Vector sigmoid(Vector x) {
  Vector below[1] = {x};
  one_plus_exp_of_negative(below);
  return reciprocal(below[0]);
}

// tanh(x) = x P(x^2) / Q(x^2), a minimax fit over |x| <= 9, where tanh is 1 in float32. So small
// values keep their relative precision, which 1 - 2 / (exp(2x) + 1) would lose.
struct Fraction {
  Vector above, below;
};
SEGUE_INLINE Fraction tanh_fraction(Vector x) {
  x = max(broadcast(-9.0f), min(broadcast(9.0f), x));
  const Vector y = x * x;
  const Vector p = polynomial(y, broadcast(1.3353412138927764e-8f), 2.060818406372564e-5f,
                              3.495534492816842e-3f, 0.13380981115292254f, 0.9999999796284387f);
  const Vector q = polynomial(y, broadcast(7.77604675614185e-7f), 3.2855462518465204e-4f,
                              2.5876779923441638e-2f, 0.46714296773661634f, 1.0f);
  return {x * p, q};
}
SEGUE_INLINE Vector tanh(Vector x) {
  const Fraction t = tanh_fraction(x);
  return t.above * reciprocal(t.below);
}

// exp(x) for any x: 0 and infinity where float32 has no more.
SEGUE_INLINE Vector exp(Vector x) {
  x = max(broadcast(-104.0f), min(broadcast(89.0f), x));
  const Reduced e = reduce_exp(x);
  const Vector half = round(e.n * broadcast(0.5f));  // 2^n itself may be out of range
  return scale(scale(e.power, half), e.n - half);
}

SEGUE_INLINE Vector abs(Vector x) { return max(x, zero() - x); }

// exp(x) - 1 for x <= 0, precise near 0: 2 t / (1 - t) with t = tanh(x / 2).
SEGUE_INLINE Vector expm1_of_negative(Vector x) {
  const Vector t = tanh(x * broadcast(0.5f));
  return (t + t) / (broadcast(1.0f) - t);
}

// log(1 + exp(x)) = max(x, 0) + log1p(t), t = exp(-|x|), and log1p(t) = 2 atanh(t / (2 + t)), whose
// series is short here.
SEGUE_INLINE Vector softplus(Vector x) {
  const Vector t = exp(zero() - abs(x));
  const Vector s = t / (t + broadcast(2.0f)), y = s * s;
  const Vector series = polynomial(y, broadcast(2.0f / 15), 2.0f / 13, 2.0f / 11, 2.0f / 9,
                                   2.0f / 7, 2.0f / 5, 2.0f / 3, 2.0f);
  return fma(s, series, max(zero(), x));
}

// The normal distribution function; Abramowitz & Stegun 7.1.26, error 8e-8.
SEGUE_INLINE Vector normal_cdf(Vector x) {
  const Vector z = abs(x) * broadcast(0.70710678f);
  const Vector t = broadcast(1.0f) / fma(broadcast(0.3275911f), z, broadcast(1.0f));
  const Vector p = polynomial(t, broadcast(1.061405429f), -1.453152027f, 1.421413741f,
                              -0.284496736f, 0.254829592f);
  const Vector tail = broadcast(0.5f) * p * t * exp(zero() - z * z);
  return select(less(x, zero()), tail, broadcast(1.0f) - tail);
}

// A sum of many vectors that keeps what rounding takes off (Kahan, 1965).
struct Sum {
  Vector total = zero(), lost = zero();

  SEGUE_INLINE void add(Vector x) {
    const Vector corrected = x - lost, next = total + corrected;
    lost = (next - total) - corrected;
    total = next;
  }
};

SEGUE_END
