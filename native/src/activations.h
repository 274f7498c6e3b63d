// The activations of src/segue/layers/activations.py, and `glu`'s and `prelu`'s parts of them.
#pragma once

#include "../include/segue.h"
#include "math.h"
#include "memory.h"

SEGUE_BEGIN

constexpr Index kElementsOfTask = 16384;
constexpr Index kWorkOfElement = 16;  // multiplications that an element is worth

template <class Function>
void each_element(const float* values, Index count, float* out, const Function& function) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, function(load(values + i)));
  if (i < count) store_first(out + i, function(load_first(values + i, count - i)), count - i);
}

SEGUE_INLINE Vector clamp(Vector x, float low, float high) {
  return max(broadcast(low), min(broadcast(high), x));
}
SEGUE_INLINE Vector hard_sigmoid(Vector x) {
  return clamp(fma(x, broadcast(1.0f / 6), broadcast(0.5f)), 0.0f, 1.0f);
}
SEGUE_INLINE Vector elu(Vector x) {
  return select(less(zero(), x), x, expm1_of_negative(min(zero(), x)));
}
SEGUE_INLINE Vector mish(Vector x) {  // tanh(log(1 + e)) = n / (n + 2), n = e (e + 2)
  const Vector e = exp(min(broadcast(20.0f), x)), n = e * (e + broadcast(2.0f));
  return x * (n / (n + broadcast(2.0f)));
}
SEGUE_INLINE Vector squareplus(Vector x) {  // below 0 without the difference of large numbers
  const Vector half = broadcast(0.5f), size = abs(x);
  const Vector inside = min(broadcast(1e9f), size);  // whose square is in range
  const Vector root = max(size, sqrt(fma(inside, inside, broadcast(4.0f))));
  return select(less(x, zero()), broadcast(2.0f) / (root - x), x * half + root * half);
}
SEGUE_INLINE Vector sparse_plus(Vector x) {
  const Vector one = broadcast(1.0f), risen = x + one;
  const Vector parabola = risen * risen * broadcast(0.25f);
  return select(less(one, x), x, select(less(x, zero() - one), zero(), parabola));
}
SEGUE_INLINE Vector soft_shrink(Vector x, Vector threshold) {
  const Vector left = max(zero(), abs(x) - threshold);
  return select(less(x, zero()), zero() - left, left);
}

// -- over the features of a row ------------------------------------------------------------------

inline float largest(const float* x, Index features) {
  Vector most = broadcast(x[0]);
  for (Index i = 0; i < features; i += kLanes) {
    const Vector v = load_row(x, i, features);
    most = max(most, i + kLanes <= features ? v : select(lanes_below(features - i), v, most));
  }
  return largest(most);
}

// out = exp(x - largest), and its sum.
inline float exponentials(const float* x, Index features, float* out) {
  const Vector top = broadcast(largest(x, features));
  Vector total = zero();
  for (Index i = 0; i < features; i += kLanes) {
    const Vector e = select(lanes_below(features - i), exp(load_row(x, i, features) - top), zero());
    store_row(out, e, i, features);
    total = total + e;
  }
  return sum(total);
}

inline void softmax(const float* x, Index features, float* out) {
  const Vector share = broadcast(1.0f / exponentials(x, features, out));
  each_element(out, features, out, [&](Vector e) { return e * share; });
}

inline void log_softmax(const float* x, Index features, float* out) {
  const Vector top = broadcast(largest(x, features));
  const Vector total = broadcast(::logf(exponentials(x, features, out)));
  each_element(x, features, out, [&](Vector v) { return (v - top) - total; });
}

// max(x - threshold, 0) whose sum is 1. The threshold lies above the largest x less 1; what it
// leaves out raises it, until it leaves out no more (Michelot, 1986).
inline void sparsemax(const float* x, Index features, float* out) {
  double threshold = x[0];
  for (Index i = 1; i < features; ++i) threshold = x[i] <= threshold ? threshold : x[i];
  threshold -= 1.0;
  for (Index before = features + 1;;) {
    double total = -1.0;
    Index above = 0;
    for (Index i = 0; i < features; ++i) {
      if (x[i] > threshold) total += x[i], ++above;
    }
    if (above == 0 || above == before) break;
    before = above;
    threshold = total / static_cast<double>(above);
  }
  for (Index i = 0; i < features; ++i) {
    const double left = x[i] - threshold;
    out[i] = static_cast<float>(left < 0.0 ? 0.0 : left);
  }
}

// -- the table -----------------------------------------------------------------------------------

// Elements values[first], ... up to `count` of them.
inline void activate_elements(segue_activation kind, float parameter, const float* values,
                              Index count, float* out) {
  const auto each = [&](const auto& function) { each_element(values, count, out, function); };
  const Vector p = broadcast(parameter), half = broadcast(0.5f), one = broadcast(1.0f);
  switch (kind) {
    case SEGUE_RELU: return each([](Vector x) { return max(zero(), x); });
    case SEGUE_RELU6: return each([](Vector x) { return clamp(x, 0.0f, 6.0f); });
    case SEGUE_LEAKY_RELU: return each([&](Vector x) { return select(less(zero(), x), x, p * x); });
    case SEGUE_ELU: return each([](Vector x) { return elu(x); });
    case SEGUE_SELU:
      return each([](Vector x) {
        const Vector below = broadcast(1.67326324f) * expm1_of_negative(min(zero(), x));
        return broadcast(1.05070099f) * select(less(zero(), x), x, below);
      });
    case SEGUE_GELU: return each([](Vector x) { return x * normal_cdf(x); });
    case SEGUE_SILU: return each([&](Vector x) { return x / (one + exp(zero() - x)); });
    case SEGUE_HARD_SILU: return each([](Vector x) { return x * hard_sigmoid(x); });
    case SEGUE_MISH: return each([](Vector x) { return mish(x); });
    case SEGUE_SOFTPLUS: return each([](Vector x) { return softplus(x); });
    case SEGUE_SQUAREPLUS: return each([](Vector x) { return squareplus(x); });
    case SEGUE_SPARSE_PLUS: return each([](Vector x) { return sparse_plus(x); });
    case SEGUE_SOFTSIGN: return each([&](Vector x) { return x / (one + abs(x)); });
    case SEGUE_TANH: return each([](Vector x) { return tanh(x); });
    case SEGUE_HARD_TANH: return each([](Vector x) { return clamp(x, -1.0f, 1.0f); });
    case SEGUE_TANH_SHRINK: return each([](Vector x) { return x - tanh(x); });
    case SEGUE_SOFT_SHRINK: return each([&](Vector x) { return soft_shrink(x, p); });
    case SEGUE_HARD_SHRINK:
      return each([&](Vector x) { return select(less(p, abs(x)), x, x * zero()); });
    case SEGUE_SIGMOID: return each([](Vector x) { return sigmoid(x); });
    case SEGUE_HARD_SIGMOID: return each([](Vector x) { return hard_sigmoid(x); });
    case SEGUE_SPARSE_SIGMOID:
      return each([&](Vector x) { return clamp(fma(x, half, half), 0.0f, 1.0f); });
    case SEGUE_LOG_SIGMOID: return each([](Vector x) { return zero() - softplus(zero() - x); });
    case SEGUE_EXPONENTIAL: return each([](Vector x) { return exp(x); });
    default: return each([](Vector x) { return x; });
  }
}

inline void activate_row(segue_activation kind, const float* x, Index features, float* out) {
  if (kind == SEGUE_SOFTMAX) return softmax(x, features, out);
  if (kind == SEGUE_LOG_SOFTMAX) return log_softmax(x, features, out);
  sparsemax(x, features, out);
}

inline int activate(int number, float parameter, const float* values, Index rows, Index features,
                    float* out, Index threads) {
  const auto kind = static_cast<segue_activation>(number);
  const bool by_row = kind >= SEGUE_SOFTMAX;
  const Index row = features > 0 ? features : 1;
  const Index rows_of_task = kElementsOfTask > row ? kElementsOfTask / row : 1;
  parallel((rows + rows_of_task - 1) / rows_of_task, threads, rows * features * kWorkOfElement,
           [&](Index i) {
             const Index first = i * rows_of_task;
             const Index left = rows - first < rows_of_task ? rows - first : rows_of_task;
             if (!by_row) {
               activate_elements(kind, parameter, values + first * features, left * features,
                                 out + first * features);
             }
             for (Index r = first; by_row && r < first + left; ++r) {
               activate_row(kind, values + r * features, features, out + r * features);
             }
             return true;
           });
  return 0;
}

SEGUE_END
