// Each kernel of each path that this machine has against plain double arithmetic, on random shapes;
// and to the bit: alone, in pieces, with several threads.
//
//   test_kernels [rounds] [seed]
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
std::string where;  // path and case, for the message
double worst = 0.0;

[[noreturn]] void fail(const char* what, double value) {
  std::printf("%s: %s (%g)\n", where.c_str(), what, value);
  std::exit(1);
}

// |difference| <= 1e-5 * max(1, largest |expected|)
void check_close(const Floats& found, const Doubles& expected) {
  if (found.size() != expected.size()) fail("sizes differ", double(found.size()));
  double largest = 1.0, difference = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double d = std::abs(found[i] - expected[i]);
    if (!(d <= difference)) difference = d;
  }
  worst = std::max(worst, difference / largest);
  if (!(difference <= 1e-5 * largest)) fail("differs from double", difference / largest);
}

void check_same(const float* found, const float* expected, Index count) {
  if (count && std::memcmp(found, expected, sizeof(float) * count)) fail("other bits", 0.0);
}

void check_done(int failed) {
  if (failed) fail("no memory", failed);
}

Floats packed(const Floats& kernel, Index depth, Index columns) {
  Floats to(kernels->packed_size(depth, columns));
  kernels->pack(kernel.data(), depth, columns, to.data());
  return to;
}

Index some_threads() { return whole(1, 3); }

void test_dense() {
  const Index rows = whole(1, 120), depth = whole(1, 2) == 1 ? whole(1, 40) : whole(500, 1100);
  const Index columns = whole(1, 120);
  const Floats x = normal(rows * depth), kernel = normal(depth * columns), bias = normal(columns);
  const Floats weights = packed(kernel, depth, columns);
  Floats out(rows * columns), one(columns);
  check_done(kernels->dense(x.data(), rows, depth, weights.data(), bias.data(), columns, out.data(),
                            some_threads()));
  Doubles expected;
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      expected.push_back(bias[c] + product(&x[r * depth], kernel, depth, columns, c));
    }
  }
  check_close(out, expected);
  const Index row = whole(0, rows - 1);
  check_done(kernels->dense(&x[row * depth], 1, depth, weights.data(), bias.data(), columns,
                            one.data(), 1));
  check_same(one.data(), &out[row * columns], columns);
}

struct Cell {
  int kind;
  Index channels, units, gates;
  Floats kernel, recurrent, bias, weights;

  explicit Cell(int kind_) : kind(kind_), channels(whole(1, 9)), units(whole(1, 70)) {
    gates = kind == SEGUE_LSTM ? 4 : kind < 3 ? 3 : 1;
    kernel = normal(channels * gates * units);
    recurrent = normal(units * gates * units, 0.6 / std::sqrt(double(units)));
    bias = normal((kind == SEGUE_GRU ? 2 : 1) * gates * units);
    weights.resize(kernels->packed_cell_size(kind, channels, units));
    kernels->pack_cell(kind, kernel.data(), recurrent.data(), bias.data(), channels, units,
                       weights.data());
  }

  // Sequences of `values`; h and c are replaced by those after them.
  Floats run(const Floats& values, const Offsets& offsets, Floats& h, Floats& c, bool backward,
             Index threads, Index stride) const {
    const Index n = offsets.size() - 1;
    Floats out(std::max<Index>(offsets.back() * stride - (stride - units), 0));
    Floats h_after(n * units), c_after(n * units);
    check_done(kernels->recurrent(kind, weights.data(), channels, units, values.data(),
                                  offsets.data(), n, h.data(), c.data(), backward, out.data(),
                                  stride, h_after.data(), c_after.data(), threads));
    h = h_after;
    if (kind == SEGUE_LSTM) c = c_after;
    return out;
  }
};

void test_recurrent(int kind) {
  const Cell cell(kind);
  const Index n = whole(1, 110), units = cell.units, stride = units + whole(0, 3);
  const bool backward = whole(0, 1) == 1;
  const Offsets offsets = ragged(n, 0, 8);
  const Floats values = normal(offsets.back() * cell.channels);
  const Floats h_before = normal(n * units), c_before = normal(n * units);
  Floats h = h_before, c = c_before;
  const Floats out = cell.run(values, offsets, h, c, backward, some_threads(), stride);
  Doubles expected(offsets.back() * units), h_expected, c_expected;
  for (Index i = 0; i < n; ++i) {
    Doubles h_i(&h_before[i * units], &h_before[i * units] + units);
    Doubles c_i(&c_before[i * units], &c_before[i * units] + units);
    for (Index t = 0; t < offsets[i + 1] - offsets[i]; ++t) {
      const Index step = backward ? offsets[i + 1] - 1 - t : offsets[i] + t;
      cell_step(kind, &values[step * cell.channels], cell.channels, units, cell.kernel,
                cell.recurrent, cell.bias, h_i, c_i);
      std::copy(h_i.begin(), h_i.end(), &expected[step * units]);
    }
    h_expected.insert(h_expected.end(), h_i.begin(), h_i.end());
    c_expected.insert(c_expected.end(), c_i.begin(), c_i.end());
  }
  Floats dense_out;
  for (Index step = 0; step < offsets.back(); ++step) {
    dense_out.insert(dense_out.end(), &out[step * stride], &out[step * stride] + units);
  }
  check_close(dense_out, expected);
  check_close(h, h_expected);
  check_close(c, c_expected);

  // One sequence alone, in two pieces, as a stream would take it.
  const Index i = whole(0, n - 1), length = offsets[i + 1] - offsets[i];
  if (backward || length == 0) return;
  Floats h_i(&h_before[i * units], &h_before[i * units] + units);
  Floats c_i(&c_before[i * units], &c_before[i * units] + units);
  const Index cut = whole(0, length);
  for (const auto& [first, end] : {std::pair{Index{0}, cut}, std::pair{cut, length}}) {
    const float* from = values.data() + (offsets[i] + first) * cell.channels;
    const Floats piece(from, from + (end - first) * cell.channels);
    const Floats part = cell.run(piece, {0, end - first}, h_i, c_i, false, 1, units);
    check_same(part.data(), dense_out.data() + (offsets[i] + first) * units, (end - first) * units);
  }
  check_same(h_i.data(), &h[i * units], units);
  check_same(c_i.data(), &c[i * units], units);
}

void test_windows() {
  const Index features = whole(1, 20), columns = whole(1, 70), size = whole(1, 6);
  const Index stride = whole(1, 3), dilation = whole(1, 4);
  const Index before = whole(0, (size - 1) * dilation), n = whole(1, 20);
  const Offsets offsets = ragged(n, 1, 40);
  Offsets out_offsets{0};
  for (Index i = 0; i < n; ++i) {
    const Index length = offsets[i + 1] - offsets[i];
    out_offsets.push_back(out_offsets.back() + (length + stride - 1) / stride);
  }
  const Floats values = normal(offsets.back() * features), bias = normal(columns);
  const Floats kernel = normal(size * features * columns);
  const Floats weights = packed(kernel, size * features, columns);
  Floats out(out_offsets.back() * columns), top(out_offsets.back() * features);
  check_done(kernels->conv(values.data(), offsets.data(), out_offsets.data(), n, features,
                           weights.data(), bias.data(), columns, size, stride, dilation, before,
                           out.data(), some_threads()));
  const Index most_before = whole(0, size - 1);
  check_done(kernels->max_pool(values.data(), offsets.data(), out_offsets.data(), n, features, size,
                               stride, most_before, top.data(), some_threads()));
  Doubles expected, top_expected;
  for (Index i = 0; i < n; ++i) {
    const Index length = offsets[i + 1] - offsets[i];
    for (Index j = 0; j < out_offsets[i + 1] - out_offsets[i]; ++j) {
      Floats window;
      for (Index tap = 0; tap < size; ++tap) {
        const Index step = j * stride - before + tap * dilation;
        const bool inside = step >= 0 && step < length;
        for (Index f = 0; f < features; ++f) {
          window.push_back(inside ? values[(offsets[i] + step) * features + f] : 0.0f);
        }
      }
      for (Index c = 0; c < columns; ++c) {
        expected.push_back(bias[c] + product(window.data(), kernel, size * features, columns, c));
      }
      for (Index f = 0; f < features; ++f) {
        double most = -std::numeric_limits<double>::infinity();
        for (Index tap = 0; tap < size; ++tap) {
          const Index step = j * stride - most_before + tap;
          if (step < 0 || step >= length) continue;
          most = std::max<double>(most, values[(offsets[i] + step) * features + f]);
        }
        top_expected.push_back(most);
      }
    }
  }
  check_close(out, expected);
  for (std::size_t i = 0; i < top.size(); ++i) {
    if (top[i] != float(top_expected[i])) fail("not the largest", top[i]);
  }
}

void test_random_conv() {
  const Index features = whole(1, 3), columns = whole(1, 120), size = 9, n = whole(1, 6);
  const Index dilation = Index{1} << whole(0, 4), skip = whole(0, 3), stride = columns + 2;
  const float edge = 0.1f;
  const Offsets offsets = ragged(n, skip + 1, 90);
  const Floats values = normal(offsets.back() * features), bias = normal(columns);
  const Floats kernel = normal(size * features * columns, 0.3);
  const Floats weights = packed(kernel, size * features, columns);
  Floats positive(n * stride - 2), largest(n * stride - 2);
  check_done(kernels->random_conv(values.data(), offsets.data(), n, features, weights.data(),
                                  bias.data(), columns, size, dilation, skip, edge, positive.data(),
                                  largest.data(), stride, some_threads()));
  for (Index i = 0; i < n; ++i) {
    Doubles sums(columns), most(columns, -std::numeric_limits<double>::infinity());
    for (Index t = skip; t < offsets[i + 1] - offsets[i]; ++t) {
      for (Index c = 0; c < columns; ++c) {
        double response = bias[c];
        for (Index tap = 0; tap < size; ++tap) {
          const Index step = t - (size - 1 - tap) * dilation;
          if (step < 0) continue;
          for (Index f = 0; f < features; ++f) {
            response += double(values[(offsets[i] + step) * features + f]) *
                        kernel[(tap * features + f) * columns + c];
          }
        }
        sums[c] += std::clamp(response / edge + 0.5, 0.0, 1.0);
        most[c] = std::max(most[c], response);
      }
    }
    const auto row = [&](const Floats& all) {
      return Floats(&all[i * stride], &all[i * stride] + columns);
    };
    check_close(row(positive), sums);
    check_close(row(largest), most);
  }
}

Floats taps_of(const Floats& values, Index begin, Index length, Index t, Index dilation) {
  Floats taps(9);
  for (Index tap = 0; tap < 9; ++tap) {
    const Index step = t + (tap - 4) * dilation;
    taps[tap] = (step < 0 || step >= length ? 0.0f : values[begin + step]) - values[begin + t];
  }
  return taps;
}

void test_hydra() {
  const Index groups = whole(1, 3), size = whole(1, 9), n = whole(1, 6), dilation = whole(1, 9);
  const Index columns = groups * size, stride = columns + 1;
  const Offsets offsets = ragged(n, 1, 90);
  const Floats values = normal(offsets.back()), kernel = normal(9 * columns);
  Floats most(n * stride - 1), least(n * stride - 1);
  check_done(kernels->hydra(values.data(), offsets.data(), n, 1, nullptr, kernel.data(), groups,
                            size, dilation, most.data(), least.data(), stride, some_threads()));
  for (Index i = 0; i < n; ++i) {
    Doubles wins(columns), losses(columns);
    const Index length = offsets[i + 1] - offsets[i];
    for (Index t = 0; t < length; ++t) {
      const Floats taps = taps_of(values, offsets[i], length, t, dilation);
      for (Index g = 0; g < groups; ++g) {
        Doubles responses(size);
        for (Index j = 0; j < size; ++j) {
          for (Index tap = 0; tap < 9; ++tap) {
            responses[j] += double(taps[tap]) * kernel[tap * columns + g * size + j];
          }
        }
        const auto high = std::max_element(responses.begin(), responses.end());
        wins[g * size + (high - responses.begin())] += *high;
        const auto low = std::min_element(responses.begin(), responses.end());
        losses[g * size + (low - responses.begin())] += 1.0;
      }
    }
    check_close(Floats(&most[i * stride], &most[i * stride] + columns), wins);
    check_close(Floats(&least[i * stride], &least[i * stride] + columns), losses);
  }
}

void test_multirocket() {
  const Index features = whole(1, 3), count = whole(1, 3), n = whole(1, 6);
  const Index dilation = whole(1, 9), phase = whole(0, 1), size = 84 * count, stride = 4 * size + 1;
  const Offsets offsets = ragged(n, 1, 200);
  const Floats values = normal(offsets.back() * features), channels = normal(features * 84);
  const Floats bias = normal(size, 3.0);
  Floats out(n * stride - 1);
  check_done(kernels->multirocket(values.data(), offsets.data(), n, features, channels.data(),
                                  bias.data(), count, dilation, phase, out.data(), stride, size,
                                  some_threads()));
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < size; ++k) {
      const float* found = &out[i * stride + k];
      for (Index pool = 0; pool < 4; ++pool) {
        if (!(found[pool * size] >= 0.0f)) fail("not a share or an excess", found[pool * size]);
      }
      if (found[0] > 1.0f || found[size] > found[0] || found[3 * size] > 1.0f) {
        fail("a share is too large", found[0]);
      }
    }
  }
}

void test_rdst() {
  const Index features = whole(1, 3), size = whole(1, 11), count = whole(1, 9), n = whole(1, 6);
  const Index dilation = whole(1, 9), stride = 3 * count + 1;
  const Offsets offsets = ragged(n, 1, 120);
  const Floats values = normal(offsets.back() * features);
  const Floats shapelets = normal(size * features * count);
  const Floats thresholds(count, float(size * features));
  Floats out(n * stride - 1);
  check_done(kernels->rdst(values.data(), offsets.data(), n, features, shapelets.data(),
                           thresholds.data(), size, count, dilation, 0, out.data(), stride, count,
                           some_threads()));
  for (Index i = 0; i < n; ++i) {
    const Index length = offsets[i + 1] - offsets[i];
    const Index windows = std::max<Index>(1, length - (size - 1) * dilation);
    Doubles least(count, std::numeric_limits<double>::infinity()), near(count);
    for (Index first = 0; first < windows; ++first) {
      for (Index k = 0; k < count; ++k) {
        double distance = 0.0;
        for (Index tap = 0; tap < size; ++tap) {
          const Index step = first + tap * dilation;
          for (Index f = 0; f < features; ++f) {
            const double x = step < length ? values[(offsets[i] + step) * features + f] : 0.0;
            distance += std::abs(x - shapelets[(tap * features + f) * count + k]);
          }
        }
        least[k] = std::min(least[k], distance);
        near[k] += (distance < thresholds[k]) / double(windows);
      }
    }
    const float* row = &out[i * stride];
    check_close(Floats(row, row + count), least);
    check_close(Floats(row + 2 * count, row + 3 * count), near);
  }
}

void test_quantiles() {
  const Index features = whole(1, 3), n = whole(1, 6);
  const std::int64_t intervals[] = {1, 0, 0, 3, 4, 1, 1, 1, 8, 7, 0, 2};
  const Offsets offsets = ragged(n, 1, 90);
  const Floats values = normal(offsets.back() * features);
  Floats out(n * features * 6);
  check_done(kernels->quantiles(values.data(), offsets.data(), n, features, intervals, 3,
                                out.data(), some_threads()));
  for (Index i = 0; i < n; ++i) {
    for (Index f = 0; f < features; ++f) {
      float least = INFINITY, most = -INFINITY;
      for (Index step = offsets[i]; step < offsets[i + 1]; ++step) {
        least = std::min(least, values[step * features + f]);
        most = std::max(most, values[step * features + f]);
      }
      const float* found = &out[(i * features + f) * 6];
      if (found[0] != least) fail("not the least", found[0]);
      if (found[2] != most) fail("not the largest", found[2]);
    }
  }
}

void test_attention() {
  const Index heads = whole(1, 4), size = whole(1, 40), features = heads * size, n = whole(1, 4);
  const bool causal = whole(0, 1) == 1;
  const Offsets k_offsets = ragged(n, 1, 90);
  Offsets q_offsets{0};
  for (Index i = 0; i < n; ++i) {
    q_offsets.push_back(q_offsets.back() + whole(1, k_offsets[i + 1] - k_offsets[i]));
  }
  const Floats q = normal(q_offsets.back() * features, 2.0);
  const Floats k = normal(k_offsets.back() * features), v = normal(k_offsets.back() * features);
  Floats out(q.size());
  check_done(kernels->attention(q.data(), k.data(), v.data(), q_offsets.data(), k_offsets.data(), n,
                                heads, features, causal, out.data(), some_threads()));
  Doubles expected(q.size());
  for (Index i = 0; i < n; ++i) {
    const Index a = q_offsets[i + 1] - q_offsets[i], b = k_offsets[i + 1] - k_offsets[i];
    for (Index query = 0; query < a; ++query) {
      const Index seen = causal ? b - a + query + 1 : b;
      for (Index head = 0; head < heads; ++head) {
        const Index at = (q_offsets[i] + query) * features + head * size;
        Doubles weights(seen);
        double total = 0.0;
        for (Index j = 0; j < seen; ++j) {
          double score = 0.0;
          for (Index f = 0; f < size; ++f) {
            score += double(q[at + f]) * k[(k_offsets[i] + j) * features + head * size + f];
          }
          total += weights[j] = std::exp(score / std::sqrt(double(size)));
        }
        for (Index j = 0; j < seen; ++j) {
          for (Index f = 0; f < size; ++f) {
            expected[at + f] +=
                weights[j] / total * v[(k_offsets[i] + j) * features + head * size + f];
          }
        }
      }
    }
  }
  check_close(out, expected);
}

void test_pool() {
  const Index features = whole(1, 40), n = whole(1, 12), parts = whole(1, 4);
  const Offsets offsets = ragged(n, 1, 50);
  const Floats values = normal(offsets.back() * features), query = normal(features);
  Floats mean(n * parts * features), most(n * parts * features), weighted(n * features);
  check_done(kernels->pool(values.data(), offsets.data(), n, features, 1, parts, mean.data(),
                           some_threads()));
  check_done(kernels->pool(values.data(), offsets.data(), n, features, 0, parts, most.data(),
                           some_threads()));
  check_done(kernels->pool_attention(values.data(), offsets.data(), n, features, query.data(),
                                     weighted.data(), some_threads()));
  Doubles mean_expected, most_expected, weighted_expected;
  for (Index i = 0; i < n; ++i) {
    const Index length = offsets[i + 1] - offsets[i];
    const float* x = &values[offsets[i] * features];
    for (Index part = 0; part < parts; ++part) {
      const Index first = part * length / parts, end = ((part + 1) * length + parts - 1) / parts;
      for (Index f = 0; f < features; ++f) {
        double total = 0.0, top = x[first * features + f];
        for (Index t = first; t < end; ++t) {
          total += x[t * features + f];
          top = std::max<double>(top, x[t * features + f]);
        }
        mean_expected.push_back(total / double(end - first));
        most_expected.push_back(top);
      }
    }
    Doubles sums(features);
    double total = 0.0;
    for (Index t = 0; t < length; ++t) {
      double score = 0.0;
      for (Index f = 0; f < features; ++f) score += double(x[t * features + f]) * query[f];
      const double weight = std::exp(score / std::sqrt(double(features)));
      total += weight;
      for (Index f = 0; f < features; ++f) sums[f] += weight * x[t * features + f];
    }
    for (double sum : sums) weighted_expected.push_back(sum / total);
  }
  check_close(mean, mean_expected);
  check_close(most, most_expected);
  check_close(weighted, weighted_expected);
}

void test_rows() {
  const Index rows = whole(1, 30), features = whole(1, 60);
  const double level = whole(0, 1) ? 0.0 : 1000.0;
  Floats x = normal(rows * features);
  for (float& value : x) value += float(level);
  const Floats gamma = normal(features), beta = normal(features);
  Floats normalised(x.size()), scaled(x.size());
  check_done(kernels->layer_norm(x.data(), rows, features, gamma.data(), beta.data(), 1e-3f,
                                 normalised.data(), some_threads()));
  check_done(kernels->scale_shift(x.data(), rows, features, gamma.data(), beta.data(),
                                  scaled.data(), some_threads()));
  Doubles normalised_expected, scaled_expected;
  for (Index r = 0; r < rows; ++r) {
    double mean = 0.0, variance = 0.0;
    for (Index f = 0; f < features; ++f) mean += x[r * features + f] / double(features);
    for (Index f = 0; f < features; ++f) {
      variance += std::pow(x[r * features + f] - mean, 2) / double(features);
    }
    for (Index f = 0; f < features; ++f) {
      const double value = x[r * features + f];
      normalised_expected.push_back((value - mean) / std::sqrt(variance + 1e-3f) * gamma[f] +
                                    beta[f]);
      scaled_expected.push_back(value * gamma[f] + beta[f]);
    }
  }
  check_close(normalised, normalised_expected);
  check_close(scaled, scaled_expected);
}

void test_activations(int kind) {
  const Index rows = whole(1, 20), features = whole(1, 40);
  const Floats x = normal(rows * features, 3.0);
  Floats out(x.size());
  check_done(kernels->activate(kind, 0.3f, x.data(), rows, features, out.data(), some_threads()));
  Doubles expected;
  for (Index r = 0; r < rows; ++r) {
    const Floats row(&x[r * features], &x[r * features] + features);
    double total = 0.0, threshold = 0.0, sum = -1.0;
    for (float value : row) total += std::exp(double(value));
    Floats sorted = row;
    std::sort(sorted.rbegin(), sorted.rend());
    for (std::size_t i = 0; i < sorted.size(); ++i) {  // sparsemax, as Martins & Astudillo have it
      sum += sorted[i];
      if (double(i + 1) * sorted[i] > sum) threshold = sum / double(i + 1);
    }
    for (const double value : row) {
      expected.push_back(kind == SEGUE_SOFTMAX       ? std::exp(value) / total
                         : kind == SEGUE_LOG_SOFTMAX ? value - std::log(total)
                         : kind == SEGUE_SPARSEMAX   ? std::max(value - threshold, 0.0)
                                                     : activation(kind, 0.3f, value));
    }
  }
  check_close(out, expected);
}

// Enough work for several threads, and the same bits with them.
void test_threads() {
  const Index rows = 600, depth = 400, columns = 400;
  const Floats x = normal(rows * depth), weights = packed(normal(depth * columns), depth, columns);
  Floats one(rows * columns), three(rows * columns);
  for (auto [threads, out] : {std::pair{1, &one}, std::pair{3, &three}}) {
    check_done(kernels->dense(x.data(), rows, depth, weights.data(), nullptr, columns, out->data(),
                              threads));
  }
  check_same(one.data(), three.data(), rows * columns);
  Cell cell(SEGUE_LSTM);
  while (cell.units < 50) cell = Cell(SEGUE_LSTM);
  const Offsets offsets = ragged(130, 1, 60);
  const Floats values = normal(offsets.back() * cell.channels);
  Floats h1(130 * cell.units), c1(h1), h3(h1), c3(h1);
  const Floats out = cell.run(values, offsets, h1, c1, false, 1, cell.units);
  const Floats other = cell.run(values, offsets, h3, c3, false, 3, cell.units);
  check_same(out.data(), other.data(), Index(out.size()));
  check_same(h1.data(), h3.data(), Index(h1.size()));
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20;
  generator.seed(count > 2 ? unsigned(std::atoi(arguments[2])) : 1);
  for (const char* path : {"portable", "avx2", "avx512"}) {
    kernels = segue_path(path);
    if (!kernels) continue;
    worst = 0.0;
    for (int round = 0; round < rounds; ++round) {
      const std::string start = std::string(path) + ", round " + std::to_string(round) + ", ";
      const auto run = [&](const char* name, auto&& test) {
        where = start + name;
        test();
      };
      run("dense", test_dense);
      for (int cell = 0; cell < 5; ++cell) run("recurrent", [&] { test_recurrent(cell); });
      run("windows", test_windows);
      run("random_conv", test_random_conv);
      run("hydra", test_hydra);
      run("multirocket", test_multirocket);
      run("quantiles", test_quantiles);
      run("rdst", test_rdst);
      run("attention", test_attention);
      run("pool", test_pool);
      run("rows", test_rows);
      for (int kind = 0; kind <= SEGUE_SPARSEMAX; ++kind) {
        run(("activation " + std::to_string(kind)).c_str(), [&] { test_activations(kind); });
      }
    }
    where = std::string(path) + ", threads";
    test_threads();
    std::printf("%s: %d rounds, largest difference %.1e\n", path, rounds, worst);
  }
  return 0;
}
