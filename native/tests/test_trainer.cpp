// Updates of whole networks, of random layers on random sequences: to the bit with any number of
// threads; and small steps up and down the slope change the loss by the square of the gradient.
//
//   test_trainer [rounds] [seed]
//
// All arrays are as long as they have to be and no longer, for AddressSanitizer to look at.
#include "../include/segue.h"
#include "reference.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

const segue_kernels* kernels;
segue_store* store_of_all;  // so that a training gets what others have left
std::string where;

[[noreturn]] void fail(const char* what, double value) {
  std::printf("%s: %s (%g)\n", where.c_str(), what, value);
  std::exit(1);
}

struct Training {
  std::vector<segue_layer> layers;
  Index size = 0, shared = 0, channels = 1, masks = 0;
  Offsets offsets;
  Floats values, targets, weights_of_targets, scale;
  std::vector<std::int32_t> tokens;
  std::vector<Index> classes, trained;
  segue_network network{};
  segue_store* store = nullptr;
  bool is_sequence = true;
  Index features = 1;

  Index take(Index count) {
    size += count;
    return size - count;
  }
  segue_layer& add(segue_layer_kind kind) {
    segue_layer layer{};
    layer.kind = kind, layer.is_trained = 1;
    for (int way = 0; way < 2; ++way) {
      layer.kernel[way] = layer.recurrent_kernel[way] = layer.bias[way] = -1;
      layer.initial_h[way] = layer.initial_c[way] = -1;
      layer.inputs_mask[way] = layer.hidden_mask[way] = -1;
    }
    layers.push_back(layer);
    return layers.back();
  }
  void dense(Index outputs, int function) {
    segue_layer& layer = add(SEGUE_LAYER_DENSE);
    layer.inputs = features, layer.outputs = outputs, layer.function = function;
    layer.parameter = 0.3f;
    layer.kernel[0] = take(features * outputs);
    if (whole(0, 3)) layer.bias[0] = take(outputs);
    features = outputs;
  }
  void recurrent(bool keeps, bool drops) {
    segue_layer& layer = add(SEGUE_LAYER_RECURRENT);
    const Index units = whole(1, 20);
    layer.inputs = features, layer.outputs = units, layer.function = int(whole(0, 4));
    layer.merge = int(whole(0, 3)), layer.keeps_sequence = keeps;
    const Index gates = layer.function == SEGUE_LSTM ? 4 : layer.function >= SEGUE_RNN_TANH ? 1 : 3;
    const bool learns = whole(0, 1);
    if (drops) layer.rate = 0.3, layer.recurrent_rate = whole(0, 1) ? 0.2 : 0.0;
    if (drops && whole(0, 1)) {  // without dropout slopes are looked at, which need float32
      const bool has_tiles = segue_has_precision(SEGUE_BFLOAT16) && whole(0, 1);
      layer.precision = has_tiles ? SEGUE_BFLOAT16 : SEGUE_BFLOAT16_PLAIN;
    }
    for (int way = 0; way < (layer.merge == SEGUE_ONE_DIRECTION ? 1 : 2); ++way) {
      layer.kernel[way] = take(features * gates * units);
      layer.recurrent_kernel[way] = take(units * gates * units);
      layer.bias[way] = take((layer.function == SEGUE_GRU ? 2 : 1) * gates * units);
      if (learns) layer.initial_h[way] = take(units);
      if (learns && layer.function == SEGUE_LSTM) layer.initial_c[way] = take(units);
      if (drops) layer.inputs_mask[way] = masks++;
      if (layer.recurrent_rate > 0.0) layer.hidden_mask[way] = masks++;
    }
    features = layer.merge == SEGUE_CONCAT ? 2 * units : units;
    is_sequence = keeps;
  }

  Training(bool drops, Index sequences) {
    offsets = whole(0, 2) ? ragged(sequences, 1, 9) : ragged(sequences, 4, 4);
    const bool has_tokens = whole(0, 2) == 0;
    bool is_even = true;
    for (Index i = 0; i < sequences; ++i) is_even &= offsets[i + 1] - offsets[i] == offsets[1];
    channels = has_tokens ? 1 : whole(1, 5), features = channels;
    const bool every = whole(0, 2) == 0;
    if (has_tokens) {
      segue_layer& layer = add(SEGUE_LAYER_EMBEDDING);
      layer.inputs = 7, layer.outputs = features = whole(1, 9), layer.keeps_sequence = 1;
    }
    for (Index more = whole(0, 2); more > 0; --more) {
      const int function = int(whole(0, SEGUE_EXPONENTIAL - 1));  // all but one have a slope
      if (whole(0, 1)) dense(whole(1, 20), function == SEGUE_HARD_SHRINK ? SEGUE_RELU : function);
      else recurrent(true, drops);
      if (drops) {
        segue_layer& layer = add(SEGUE_LAYER_DROPOUT);
        layer.rate = 0.4, layer.inputs_mask[0] = masks++;
      }
    }
    if (!every) {
      const Index end = whole(0, is_even ? 4 : 3);
      if (end == 4) {
        add(SEGUE_LAYER_FLATTEN), features *= offsets[1];
      } else if (end == 3) {
        recurrent(false, drops);
      } else {
        add(SEGUE_LAYER_POOL).function = int(end);
      }
      if (whole(0, 1)) add(SEGUE_LAYER_ACTIVATION).function = SEGUE_TANH;
    }
    const int loss = every ? SEGUE_SOFTMAX_LOSS : int(whole(0, SEGUE_SQUARED_LOSS));
    const Index outputs = loss == SEGUE_BINARY_LOSS ? 1 : whole(2, 5);
    dense(outputs, SEGUE_LINEAR);
    shared = size;
    if (has_tokens) layers[0].kernel[0] = take(7 * layers[0].outputs);
    trained = {0, shared, shared, size};

    const Index steps = offsets.back(), count = every ? steps : sequences;
    if (has_tokens) {
      for (Index i = 0; i < steps; ++i) tokens.push_back(std::int32_t(whole(0, 6)));
    } else {
      values = normal(steps * channels);
    }
    if (loss >= SEGUE_MULTILABEL_LOSS) {
      targets = normal(count * outputs);
      for (float& t : targets) t = loss == SEGUE_MULTILABEL_LOSS ? float(t > 0) : t;
    } else {
      const Index most = loss == SEGUE_BINARY_LOSS ? 1 : outputs - 1;
      for (Index i = 0; i < count; ++i) classes.push_back(whole(every ? -1 : 0, most));
      if (every) classes[0] = 0;
    }
    if (whole(0, 1)) {
      for (Index i = 0; i < count; ++i) weights_of_targets.push_back(float(whole(1, 9)) / 4);
    }
    scale = normal(outputs);
    network.layers = layers.data(), network.layer_count = Index(layers.size());
    network.size = size, network.shared = shared;
    network.trained = trained.data(), network.trained_count = 2;
    network.loss = loss, network.every = every;
    network.scale = loss == SEGUE_SQUARED_LOSS ? scale.data() : nullptr;
  }

  // Updates of these weights, each with batches of so many sequences.
  segue_progress run(Floats& weights, Floats& moments, Index batch, double rate, bool trains,
                     Index threads) {
    const Index n = Index(offsets.size()) - 1;
    std::vector<Index> sequences, batch_offsets{0}, numbers, firsts{0};
    for (Index i = 0; i < n; ++i) sequences.push_back(n - 1 - i);
    for (Index first = 0; first < n; first += batch) {
      batch_offsets.push_back(std::min(first + batch, n));
      numbers.push_back(Index(numbers.size()));
    }
    const Index batches = Index(numbers.size());
    for (Index b = 0; b < batches; b += 2) firsts.push_back(std::min(b + 2, batches));
    const std::vector<double> rates(firsts.size() - 1, rate);
    std::vector<std::uint64_t> keys;
    for (Index i = 0; i < 2 * masks; ++i) keys.push_back(std::uint64_t(i) * 0x9E3779B97F4A7C15u);
    network.weights = weights.data(), network.moments = moments.data();
    const segue_examples examples{values.empty() ? nullptr : values.data(),
                                  tokens.empty() ? nullptr : tokens.data(),
                                  channels,
                                  offsets.data(),
                                  classes.empty() ? nullptr : classes.data(),
                                  targets.empty() ? nullptr : targets.data(),
                                  weights_of_targets.empty() ? nullptr : weights_of_targets.data()};
    const segue_updates updates{sequences.data(), batch_offsets.data(), numbers.data(),
                                firsts.data(), rates.data(), Index(rates.size()), keys.data(),
                                trains, 1e9, threads, store};
    segue_progress progress{};
    if (kernels->train(&network, &examples, &updates, &progress)) fail("no memory", 0.0);
    if (progress.done != Index(rates.size())) fail("updates are not done", double(progress.done));
    return progress;
  }
};

void test_threads() {
  Training training(true, whole(1, 90));
  training.network.optimizer = int(whole(0, SEGUE_SGD));
  training.network.momentum = whole(0, 1) ? 0.5f : 0.0f;
  training.network.weight_decay = whole(0, 1) ? 0.1f : 0.0f;
  training.network.clip_norm = whole(0, 1) ? 0.1f : 0.0f;
  training.network.smoothing = whole(0, 1) ? 0.1f : 0.0f;
  const Floats start = normal(training.size, 0.3);
  Floats first = start, moments(2 * training.size), other = start, others(moments);
  const Index batch = whole(1, 70);
  const segue_progress one = training.run(first, moments, batch, 0.01, true, 1);
  training.store = store_of_all;
  const segue_progress three = training.run(other, others, batch, 0.01, true, 3);
  if (std::memcmp(first.data(), other.data(), sizeof(float) * first.size())) {
    fail("other weights with three threads", 0.0);
  }
  if (std::memcmp(moments.data(), others.data(), sizeof(float) * moments.size())) {
    fail("other moments with three threads", 0.0);
  }
  if (one.loss != three.loss || one.sums[0] != three.sums[0]) fail("another loss", three.loss);
}

void test_slope() {
  Training training(false, whole(1, 40));
  training.network.optimizer = SEGUE_SGD;
  const Index n = Index(training.offsets.size()) - 1;
  const Floats weights = normal(training.size, 0.3);
  Floats moments(2 * training.size), here = weights;
  const segue_progress start = training.run(here, moments, n, 0.0, true, 1);
  const double squares = start.norm * start.norm;
  if (squares < 1e-6) return;
  const double rate = 0.0003 * std::max(0.1, std::abs(start.loss)) / squares;
  if (rate * start.norm > 0.05) return;  // too long a step for a slope
  Floats down = weights, up;
  training.run(down, moments, n, rate, true, 1);
  for (std::size_t i = 0; i < down.size(); ++i) up.push_back(2.0f * weights[i] - down[i]);
  const double above = training.run(up, moments, n, 0.0, true, 1).loss;
  const double below = training.run(down, moments, n, 0.0, true, 1).loss;
  const double expected = rate * squares, found = (above - below) / 2.0;
  if (std::abs(found - expected) > 0.1 * expected + 1e-6) fail("not the slope", found / expected);
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20;
  generator.seed(count > 2 ? unsigned(std::atoi(arguments[2])) : 1);
  store_of_all = segue_store_new();
  for (const char* path : {"portable", "avx2", "avx512"}) {
    kernels = segue_path(path);
    if (!kernels) continue;
    for (int round = 0; round < rounds; ++round) {
      where = std::string(path) + ", round " + std::to_string(round);
      test_threads();
      test_slope();
    }
    std::printf("%s: %d rounds\n", path, rounds);
  }
  segue_store_free(store_of_all);
  return 0;
}
