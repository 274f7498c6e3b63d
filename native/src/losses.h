// Losses and scores of the targets of a shard, and the gradient of the loss by the logits.
#pragma once

#include "activations.h"

SEGUE_BEGIN

struct Loss {
  segue_loss kind;
  Index outputs;
  float smoothing;
  bool scores_losses;
  const float* scale;  // [outputs], of the score of a squared loss; null: 1
};

// The target of one row: a class (-1: none), or values.
struct Target {
  Index number;
  const float* values;
};

struct Scored {
  double loss, score;
};

// The first of the largest values.
inline Index largest_index(const float* values, Index count) {
  const Vector top = broadcast(largest(values, count));
  for (Index i = 0; i < count; i += kLanes) {
    unsigned found = bits(equal(load_row(values, i, count), top));
    for (Index best = i; found != 0 && best < count; ++best, found >>= 1) {
      if (found & 1U) return best;
    }
  }
  return 0;
}

// Cross-entropy of a softmax, whose probabilities are left in d.
inline double softmax_loss(const Loss& loss, const float* logits, Index target, float* d) {
  const Index k = loss.outputs;
  const float most = largest(logits, k);
  const float total = exponentials(logits, k, d);
  const Vector share = broadcast(1.0f / total);
  each_element(d, k, d, [&](Vector e) { return e * share; });
  const double log_total = std::log(static_cast<double>(total)) + most;
  double found = log_total - logits[target];
  if (loss.smoothing > 0.0f) {
    double sum = 0.0;
    for (Index i = 0; i < k; ++i) sum += log_total - logits[i];
    found = (1.0 - loss.smoothing) * found + loss.smoothing * sum / static_cast<double>(k);
    for (Index i = 0; i < k; ++i) d[i] -= loss.smoothing / static_cast<float>(k);
  }
  d[target] -= 1.0f - loss.smoothing;
  return found;
}

// Binary cross-entropy of a logit; its gradient is left in d.
inline double binary_loss(const Loss& loss, float logit, float wanted, float* d) {
  const double z = logit, y = wanted * (1.0 - loss.smoothing) + loss.smoothing / 2.0;
  const double tail = std::exp(-std::fabs(z));
  const double p = z < 0.0 ? tail / (1.0 + tail) : 1.0 / (1.0 + tail);
  *d = static_cast<float>(p - y);
  return (z > 0.0 ? z : 0.0) - z * y + std::log1p(tail);
}

// Loss and score of a row, and the loss's gradient d [outputs].
inline Scored score_row(const Loss& loss, const float* logits, Target target, float* d) {
  const Index k = loss.outputs;
  Scored found{0.0, 0.0};
  switch (loss.kind) {
    case SEGUE_SOFTMAX_LOSS:
      found.loss = softmax_loss(loss, logits, target.number, d);
      found.score = largest_index(logits, k) == target.number;
      break;
    case SEGUE_BINARY_LOSS:
      found.loss = binary_loss(loss, logits[0], static_cast<float>(target.number), d);
      found.score = (logits[0] > 0.0f) == (target.number != 0);
      break;
    case SEGUE_SIGMOID_LOSS:
    case SEGUE_MULTILABEL_LOSS:
      for (Index i = 0; i < k; ++i) {
        const bool by_class = loss.kind == SEGUE_SIGMOID_LOSS;
        const float wanted = by_class ? (i == target.number ? 1.0f : 0.0f) : target.values[i];
        found.loss += binary_loss(loss, logits[i], wanted, d + i);
        d[i] /= static_cast<float>(k);
        if (!by_class) found.score += (logits[i] > 0.0f) == (wanted != 0.0f);
      }
      found.loss /= static_cast<double>(k);
      found.score = loss.kind == SEGUE_SIGMOID_LOSS ? largest_index(logits, k) == target.number
                                                    : found.score / static_cast<double>(k);
      break;
    case SEGUE_SQUARED_LOSS:
      for (Index i = 0; i < k; ++i) {
        const double error = static_cast<double>(logits[i]) - target.values[i];
        const double own = loss.scale ? error * loss.scale[i] : error;
        found.loss += error * error;
        found.score += own * own;
        d[i] = static_cast<float>(2.0 * error / static_cast<double>(k));
      }
      found.loss /= static_cast<double>(k);
      found.score /= static_cast<double>(k);
      break;
  }
  if (loss.scores_losses) found.score = found.loss;
  return found;
}

SEGUE_END
