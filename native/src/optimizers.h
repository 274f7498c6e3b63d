// One update of some weights by an optimizer, as PyTorch computes it.
//
// Adam: Kingma & Ba, ICLR 2015; AdamW: Loshchilov & Hutter, ICLR 2019; RMSprop with the constants
// of Keras: the mean square decays with 0.9, and 1e-7 is added to its root.
#pragma once

#include "simd.h"
#include "../include/segue.h"

SEGUE_BEGIN

struct Optimizer {
  segue_optimizer kind;
  float momentum, weight_decay;
  float rate;
  float share;  // of the gradient, where it is clipped
  Index step;   // from 1 on

  void update(float* weights, const float* gradients, float* first, float* second,
              Index count) const {
    switch (kind) {
      case SEGUE_ADAM:
      case SEGUE_ADAMW: return adam(weights, gradients, first, second, count);
      case SEGUE_RMSPROP: return rmsprop(weights, gradients, first, second, count);
      case SEGUE_SGD: return sgd(weights, gradients, first, count);
    }
  }

 private:
  // Calls function(i, lanes) for each vector; the last one may have fewer lanes.
  template <class Function>
  static void each_vector(Index count, const Function& function) {
    for (Index i = 0; i < count; i += kLanes) function(i, count - i < kLanes ? count - i : kLanes);
  }
  static Vector read(const float* from, Index lanes) {
    return lanes == kLanes ? load(from) : load_first(from, lanes);
  }
  static void write(float* to, Vector v, Index lanes) {
    lanes == kLanes ? store(to, v) : store_first(to, v, lanes);
  }
  // The gradient, clipped, and with what the decay of the weights adds.
  Vector gradient(const float* gradients, Vector weight, Index lanes, float decay) const {
    const Vector g = read(gradients, lanes) * broadcast(share);
    return decay > 0.0f ? fma(broadcast(decay), weight, g) : g;
  }

  void adam(float* weights, const float* gradients, float* means, float* squares,
            Index count) const {
    const double steps = static_cast<double>(step);
    const double bias1 = 1.0 - std::pow(0.9, steps), bias2 = 1.0 - std::pow(0.999, steps);
    const Vector size = broadcast(static_cast<float>(static_cast<double>(rate) / bias1));
    const Vector root = broadcast(static_cast<float>(1.0 / std::sqrt(bias2)));
    const bool apart = kind == SEGUE_ADAMW;
    const Vector kept = broadcast(apart ? 1.0f - rate * weight_decay : 1.0f);
    each_vector(count, [&](Index i, Index lanes) {
      Vector w = read(weights + i, lanes) * kept;
      const Vector g = gradient(gradients + i, w, lanes, apart ? 0.0f : weight_decay);
      const Vector before = read(means + i, lanes);
      const Vector mean = fma(broadcast(0.1f), g - before, before);
      const Vector square =
          fma(g * broadcast(0.001f), g, read(squares + i, lanes) * broadcast(0.999f));
      const Vector below = fma(sqrt(square), root, broadcast(1e-8f));
      w = w - size * mean / below;
      write(means + i, mean, lanes), write(squares + i, square, lanes);
      write(weights + i, w, lanes);
    });
  }

  void rmsprop(float* weights, const float* gradients, float* squares, float* moving,
               Index count) const {
    each_vector(count, [&](Index i, Index lanes) {
      const Vector w = read(weights + i, lanes);
      const Vector g = gradient(gradients + i, w, lanes, weight_decay);
      const Vector square = fma(g * broadcast(0.1f), g, read(squares + i, lanes) * broadcast(0.9f));
      Vector change = g / (sqrt(square) + broadcast(1e-7f));
      if (momentum > 0.0f) {
        change = fma(broadcast(momentum), read(moving + i, lanes), change);
        write(moving + i, change, lanes);
      }
      write(squares + i, square, lanes);
      write(weights + i, w - broadcast(rate) * change, lanes);
    });
  }

  void sgd(float* weights, const float* gradients, float* moving, Index count) const {
    each_vector(count, [&](Index i, Index lanes) {
      const Vector w = read(weights + i, lanes);
      Vector change = gradient(gradients + i, w, lanes, weight_decay);
      if (momentum > 0.0f) {
        change = fma(broadcast(momentum), read(moving + i, lanes), change);
        write(moving + i, change, lanes);
      }
      write(weights + i, w - broadcast(rate) * change, lanes);
    });
  }
};

SEGUE_END
