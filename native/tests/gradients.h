// Gradients in double and in the plainest form: each operation notes its derivatives.
#pragma once

#include "reference.h"

struct Node {
  int a, b;  // what it was computed from; -1: nothing
  double by_a, by_b;
  bool narrows = false;  // its gradient, to bfloat16
};
inline std::vector<Node> nodes;

struct Number {
  int node;
  double value;

  Number(double value_ = 0.0, int a = -1, double by_a = 0.0, int b = -1, double by_b = 0.0)
      : node(int(nodes.size())), value(value_) {
    nodes.push_back({a, b, by_a, by_b, false});
  }
};
using Numbers = std::vector<Number>;

inline Number operator+(Number x, Number y) { return {x.value + y.value, x.node, 1, y.node, 1}; }
inline Number operator-(Number x, Number y) { return {x.value - y.value, x.node, 1, y.node, -1}; }
inline Number operator*(Number x, Number y) {
  return {x.value * y.value, x.node, y.value, y.node, x.value};
}
inline Number sigmoid(Number x) {
  const double s = sigmoid(x.value);
  return {s, x.node, s * (1 - s)};
}
inline Number tanh(Number x) {
  const double t = std::tanh(x.value);
  return {t, x.node, 1 - t * t};
}
inline Number relu(Number x) { return {std::max(x.value, 0.0), x.node, x.value > 0 ? 1.0 : 0.0}; }

inline Numbers numbers(const Floats& values) { return Numbers(values.begin(), values.end()); }
inline Doubles values_of(const Numbers& all) {
  Doubles values;
  for (const Number& number : all) values.push_back(number.value);
  return values;
}

// The gradient of the sum of values times weights, of all nodes.
struct Gradient {
  Doubles of_node = Doubles(nodes.size());

  void add(const Numbers& all, const Floats& weights) {
    for (std::size_t i = 0; i < all.size(); ++i) of_node[all[i].node] += weights[i];
  }
  void run() {
    for (std::size_t i = nodes.size(); i-- > 0;) {
      if (nodes[i].narrows) of_node[i] = narrow(of_node[i]);
      if (nodes[i].a >= 0) of_node[nodes[i].a] += of_node[i] * nodes[i].by_a;
      if (nodes[i].b >= 0) of_node[nodes[i].b] += of_node[i] * nodes[i].by_b;
    }
  }
  Doubles of(const Numbers& all) const {
    Doubles values;
    for (const Number& number : all) values.push_back(of_node[number.node]);
    return values;
  }
};

// As if it were not rounded, for the gradient.
inline Number narrow(Number x) { return {narrow(x.value), x.node, 1}; }

// The weights of a cell, and one step on h (and c) in place; masks [gates, channels] and [gates,
// units], or null.
struct NumberCell {
  int cell;
  Index channels, units;
  Numbers kernel, recurrent, bias;
  bool narrows = false;  // products have operands of bfloat16, forward and back

  Index gates() const { return cell == 0 ? 4 : cell < 3 ? 3 : 1; }

  Number product(const Number* from, Index depth, const Numbers& weights, const float* mask,
                 Index gate, Index u) const {
    Number total;
    for (Index k = 0; k < depth; ++k) {
      const Number seen = mask ? from[k] * Number(mask[gate * depth + k]) : from[k];
      const Number weight = weights[k * gates() * units + gate * units + u];
      total = total + (narrows ? narrow(seen) * narrow(weight) : seen * weight);
    }
    nodes.back().narrows = narrows;
    return total;
  }

  void step(const Number* x, const float* input_mask, const float* hidden_mask, Numbers& h,
            Numbers& c) const {
    const auto of_x = [&](Index gate, Index u) {
      return product(x, channels, kernel, input_mask, gate, u) + bias[gate * units + u];
    };
    const auto of_h = [&](const Numbers& from, Index gate, Index u) {
      return product(from.data(), units, recurrent, hidden_mask, gate, u);
    };
    const auto all = [&](Index gate, Index u) { return of_x(gate, u) + of_h(h, gate, u); };
    Numbers next(h), reset(h);
    for (Index u = 0; u < units && cell == 2; ++u) reset[u] = sigmoid(all(1, u)) * h[u];
    for (Index u = 0; u < units; ++u) {
      if (cell == 0) {
        c[u] = sigmoid(all(1, u)) * c[u] + sigmoid(all(0, u)) * tanh(all(2, u));
        next[u] = sigmoid(all(3, u)) * tanh(c[u]);
      } else if (cell == 1) {
        const Number z = sigmoid(all(0, u) + bias[3 * units + u]);
        const Number r = sigmoid(all(1, u) + bias[4 * units + u]);
        const Number n = tanh(of_x(2, u) + r * (of_h(h, 2, u) + bias[5 * units + u]));
        next[u] = z * h[u] + (Number(1) - z) * n;
      } else if (cell == 2) {
        const Number z = sigmoid(all(0, u)), n = tanh(of_x(2, u) + of_h(reset, 2, u));
        next[u] = z * h[u] + (Number(1) - z) * n;
      } else {
        next[u] = cell == 3 ? tanh(all(0, u)) : relu(all(0, u));
      }
    }
    h = next;
  }
};
