// The derivatives of the activations, at what they are applied to.
#pragma once

#include "activations.h"

SEGUE_BEGIN

SEGUE_INLINE Vector slope_of_selu(Vector x) {
  const Vector below = broadcast(1.67326324f) * exp(min(zero(), x));
  return broadcast(1.05070099f) * select(less(zero(), x), broadcast(1.0f), below);
}
SEGUE_INLINE Vector slope_of_gelu(Vector x) {
  const Vector density = broadcast(0.39894228f) * exp(zero() - x * x * broadcast(0.5f));
  return fma(x, density, normal_cdf(x));
}
SEGUE_INLINE Vector slope_of_silu(Vector x) {
  const Vector s = sigmoid(x);
  return s * fma(x, broadcast(1.0f) - s, broadcast(1.0f));
}
SEGUE_INLINE Vector slope_of_hard_silu(Vector x) {
  const Vector three = broadcast(3.0f);
  const Vector inside = fma(x, broadcast(1.0f / 3), broadcast(0.5f));
  return select(less(three, x), broadcast(1.0f), select(less(x, zero() - three), zero(), inside));
}
SEGUE_INLINE Vector slope_of_mish(Vector x) {
  const Vector t = tanh(softplus(x));
  return fma(x * (broadcast(1.0f) - t * t), sigmoid(x), t);
}
SEGUE_INLINE Vector slope_of_squareplus(Vector x) {
  const Vector inside = min(broadcast(1e9f), max(broadcast(-1e9f), x));
  const Vector root = sqrt(fma(inside, inside, broadcast(4.0f)));
  return fma(inside / root, broadcast(0.5f), broadcast(0.5f));
}

// d [count] = d * activation'(x).
inline void multiply_by_slopes(segue_activation kind, float parameter, const float* x, Index count,
                               float* d) {
  const Vector p = broadcast(parameter), one = broadcast(1.0f), half = broadcast(0.5f);
  const auto each = [&](const auto& slope) {
    Index i = 0;
    for (; i + kLanes <= count; i += kLanes) store(d + i, load(d + i) * slope(load(x + i)));
    if (i < count) {
      const Index left = count - i;
      store_first(d + i, load_first(d + i, left) * slope(load_first(x + i, left)), left);
    }
  };
  const auto within = [&](float size, float value) {  // value where |x| < size, else 0
    each([&](Vector v) { return select(less(abs(v), broadcast(size)), broadcast(value), zero()); });
  };
  const auto beyond = [&](Vector v, float least) {  // 1 where v > least, else 0
    return select(less(broadcast(least), v), broadcast(1.0f), zero());
  };
  switch (kind) {
    case SEGUE_RELU: return each([&](Vector v) { return beyond(v, 0.0f); });
    case SEGUE_RELU6:
      return each([&](Vector v) { return select(less(v, broadcast(6.0f)), beyond(v, 0.0f), zero()); });
    case SEGUE_LEAKY_RELU: return each([&](Vector v) { return select(less(zero(), v), one, p); });
    case SEGUE_ELU:
      return each([&](Vector v) { return select(less(zero(), v), one, exp(min(zero(), v))); });
    case SEGUE_SELU: return each([](Vector v) { return slope_of_selu(v); });
    case SEGUE_GELU: return each([](Vector v) { return slope_of_gelu(v); });
    case SEGUE_SILU: return each([](Vector v) { return slope_of_silu(v); });
    case SEGUE_HARD_SILU: return each([](Vector v) { return slope_of_hard_silu(v); });
    case SEGUE_MISH: return each([](Vector v) { return slope_of_mish(v); });
    case SEGUE_SOFTPLUS: return each([](Vector v) { return sigmoid(v); });
    case SEGUE_SQUAREPLUS: return each([](Vector v) { return slope_of_squareplus(v); });
    case SEGUE_SPARSE_PLUS:
      return each([&](Vector v) { return clamp(fma(v, half, half), 0.0f, 1.0f); });
    case SEGUE_SOFTSIGN:
      return each([&](Vector v) {
        const Vector below = one / (one + abs(v));
        return below * below;
      });
    case SEGUE_TANH:
      return each([&](Vector v) {
        const Vector t = tanh(v);
        return one - t * t;
      });
    case SEGUE_HARD_TANH: return within(1.0f, 1.0f);
    case SEGUE_TANH_SHRINK:
      return each([](Vector v) {
        const Vector t = tanh(v);
        return t * t;
      });
    case SEGUE_SOFT_SHRINK:
    case SEGUE_HARD_SHRINK: return each([&](Vector v) { return beyond(abs(v), parameter); });
    case SEGUE_SIGMOID:
      return each([&](Vector v) {
        const Vector s = sigmoid(v);
        return s * (one - s);
      });
    case SEGUE_HARD_SIGMOID: return within(3.0f, 1.0f / 6);
    case SEGUE_SPARSE_SIGMOID: return within(1.0f, 0.5f);
    case SEGUE_LOG_SIGMOID: return each([](Vector v) { return sigmoid(zero() - v); });
    case SEGUE_EXPONENTIAL: return each([](Vector v) { return exp(v); });
    default: return;
  }
}

SEGUE_END
