// The arithmetic of the kernels in double and in the plainest form, to compare with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using Index = std::int64_t;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Offsets = std::vector<Index>;

inline std::mt19937 generator(1);

inline Index whole(Index low, Index high) {
  return std::uniform_int_distribution<Index>(low, high)(generator);
}

inline Floats normal(Index count, double scale = 1.0) {
  std::normal_distribution<float> draw(0.0f, static_cast<float>(scale));
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) value = draw(generator);
  return values;
}

inline Offsets ragged(Index n, Index shortest, Index longest) {
  Offsets offsets{0};
  for (Index i = 0; i < n; ++i) offsets.push_back(offsets.back() + whole(shortest, longest));
  return offsets;
}

// The nearest number of bfloat16, of two the even one.
inline double narrow(double x) {
  if (x == 0.0 || !std::isfinite(x)) return x;
  const double step = std::ldexp(1.0, std::ilogb(x) - 7);
  return std::nearbyint(x / step) * step;
}

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// bias + x[depth] @ kernel[depth, columns], column `column`.
inline double product(const float* x, const Floats& kernel, Index depth, Index columns,
                      Index column) {
  double total = 0.0;
  for (Index k = 0; k < depth; ++k) total += double(x[k]) * kernel[k * columns + column];
  return total;
}

// One step of a cell on h (and c), in place; the numbers of the cells are those of segue.h.
inline void cell_step(int cell, const float* x, Index channels, Index units, const Floats& kernel,
                      const Floats& recurrent, const Floats& bias, Doubles& h, Doubles& c) {
  const Index gates = cell == 0 ? 4 : cell < 3 ? 3 : 1, width = gates * units;
  const auto of_x = [&](Index gate, Index u) {
    return product(x, kernel, channels, width, gate * units + u);
  };
  const auto of_h = [&](const Doubles& state, Index gate, Index u) {
    double total = 0.0;
    for (Index k = 0; k < units; ++k) total += state[k] * recurrent[k * width + gate * units + u];
    return total;
  };
  const auto b = [&](Index gate, Index u) { return double(bias[gate * units + u]); };
  Doubles next(h);
  if (cell == 2) {  // the reset gate acts on h first
    Doubles reset(h);
    for (Index u = 0; u < units; ++u) reset[u] *= sigmoid(of_x(1, u) + of_h(h, 1, u) + b(1, u));
    for (Index u = 0; u < units; ++u) {
      const double z = sigmoid(of_x(0, u) + of_h(h, 0, u) + b(0, u));
      const double n = std::tanh(of_x(2, u) + of_h(reset, 2, u) + b(2, u));
      next[u] = z * h[u] + (1.0 - z) * n;
    }
  }
  for (Index u = 0; u < units && cell != 2; ++u) {
    const auto all = [&](Index gate) { return of_x(gate, u) + of_h(h, gate, u) + b(gate, u); };
    if (cell == 0) {
      c[u] = sigmoid(all(1)) * c[u] + sigmoid(all(0)) * std::tanh(all(2));
      next[u] = sigmoid(all(3)) * std::tanh(c[u]);
    } else if (cell == 1) {
      const double z = sigmoid(all(0) + b(3, u)), r = sigmoid(all(1) + b(4, u));
      const double n = std::tanh(of_x(2, u) + b(2, u) + r * (of_h(h, 2, u) + b(5, u)));
      next[u] = z * h[u] + (1.0 - z) * n;
    } else {
      next[u] = cell == 3 ? std::tanh(all(0)) : std::max(all(0), 0.0);
    }
  }
  h = next;
}

inline double activation(int kind, double p, double x) {
  const auto elu = [&] { return x > 0 ? x : std::expm1(x); };
  const auto hard = [&] { return std::clamp(x / 6 + 0.5, 0.0, 1.0); };
  const auto softplus = [](double v) {
    return std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v)));
  };
  switch (kind) {
    case 1: return std::max(x, 0.0);
    case 2: return std::clamp(x, 0.0, 6.0);
    case 3: return x > 0 ? x : p * x;
    case 4: return elu();
    case 5: return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x));
    case 6: return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case 7: return x * sigmoid(x);
    case 8: return x * hard();
    case 9: return x * std::tanh(softplus(x));
    case 10: return softplus(x);
    case 11: return (x + std::sqrt(x * x + 4)) / 2;
    case 12: return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    case 13: return x / (1 + std::abs(x));
    case 14: return std::tanh(x);
    case 15: return std::clamp(x, -1.0, 1.0);
    case 16: return x - std::tanh(x);
    case 17: return std::copysign(std::max(std::abs(x) - p, 0.0), x);
    case 18: return std::abs(x) <= p ? 0 : x;
    case 19: return sigmoid(x);
    case 20: return hard();
    case 21: return std::clamp((x + 1) / 2, 0.0, 1.0);
    case 22: return -softplus(-x);
    case 23: return std::exp(x);
    default: return x;
  }
}
