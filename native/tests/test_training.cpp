// The kernels of training of each path that this machine has against plain double arithmetic, on
// random shapes; and to the bit: whatever stands beside a row.
//
//   test_training [rounds] [seed]
#include "../include/segue.h"
#include "gradients.h"
#include "internals.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

const segue::Internals* kernels;
const segue_kernels* library;
const segue::Tiles* tiles;  // of the layers, or null: float32
std::string where;  // path and case, for the message

[[noreturn]] void fail(const char* what, double value) {
  std::printf("%s: %s (%g)\n", where.c_str(), what, value);
  std::exit(1);
}

// |difference| <= tolerance * max(0.1, largest |expected|): what all but cancels has no relative
// precision.
void check_close(const Floats& found, const Doubles& expected, double tolerance) {
  if (found.size() != expected.size()) fail("sizes differ", double(found.size()));
  double largest = 0.1, difference = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double d = std::abs(found[i] - expected[i]);
    if (!(d <= difference)) difference = d;
  }
  if (!(difference <= tolerance * largest)) fail("differs from double", difference / largest);
}

void test_transposed() {
  const Index m = whole(1, 70), n = whole(1, 80), rows = whole(0, 300);
  const Index a_stride = m + whole(0, 9), b_stride = n + whole(0, 9), out_stride = n + whole(0, 9);
  const Floats a = normal(rows * a_stride), b = normal(rows * b_stride);
  const Floats before = normal(m * out_stride);
  Floats out = before, sums(before.begin(), before.begin() + n);
  kernels->add_transposed(a.data(), a_stride, m, b.data(), b_stride, n, rows, out.data(),
                          out_stride);
  kernels->add_column_sums(b.data(), b_stride, n, rows, sums.data());
  Doubles expected(before.begin(), before.end()),
      sums_expected(expected.begin(), expected.begin() + n);
  for (Index r = 0; r < rows; ++r) {
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < m; ++i) {
        expected[i * out_stride + j] += double(a[r * a_stride + i]) * b[r * b_stride + j];
      }
      sums_expected[j] += b[r * b_stride + j];
    }
  }
  check_close(out, expected, 1e-5);
  check_close(sums, sums_expected, 1e-5);
  const Index i = whole(0, m - 1), j = whole(0, n - 1);
  float one = before[i * out_stride + j];
  kernels->add_transposed(a.data() + i, a_stride, 1, b.data() + j, b_stride, 1, rows, &one, 1);
  if (one != out[i * out_stride + j]) fail("an element alone has other bits", one);
}

// Products of tiles, whose operands are those of bfloat16 without rounding.
void test_tiles() {
  const Index rows = whole(1, 3), columns = whole(1, 6), blocks = whole(1, 4);
  const Index depth = 32 * blocks, a_row = depth + whole(0, 9), c_row = 16 * columns + whole(0, 9);
  const Floats a = normal(16 * rows * depth), b = normal(depth * 16 * columns);
  std::vector<segue::Bfloat16> of_a(16 * rows * a_row), of_b(b.size());
  const Index count = depth - whole(0, 15);  // zeros behind
  tiles->narrow({a.data(), depth, 16 * rows, count, of_a.data(), a_row, depth});
  for (Index k = 0; k < depth; ++k) {
    for (Index n = 0; n < 16 * columns; ++n) {
      const Index tile = n / 16 * blocks + k / 32;
      tiles->narrow({&b[k * 16 * columns + n], 0, 1, 1,
                     &of_b[(tile * 256 + k % 32 / 2 * 16 + n % 16) * 2 + k % 2], 0, 1});
    }
  }
  const Floats before = normal(16 * rows * c_row);
  Floats c = before;
  const bool adds = whole(0, 1) == 1;
  tiles->begin();
  tiles->multiply({of_a.data(), a_row, 32, 16 * a_row, of_b.data(), blocks * segue::kTileSize, rows,
                   columns, blocks, c.data(), c_row, adds});
  tiles->end();
  Doubles expected(before.begin(), before.end());
  for (Index r = 0; r < 16 * rows; ++r) {
    for (Index n = 0; n < 16 * columns; ++n) {
      double total = adds ? before[r * c_row + n] : 0.0;
      for (Index k = 0; k < count; ++k) {
        total += narrow(double(a[r * depth + k])) * narrow(double(b[k * 16 * columns + n]));
      }
      expected[r * c_row + n] = total;
    }
  }
  check_close(c, expected, 1e-5);
}

// What is not a number stays so, and what is near the ends does what rounding makes of it.
void test_narrow() {
  const float inf = std::numeric_limits<float>::infinity();
  const Floats from = {std::nanf(""), inf, -inf, 3.4e38f, 1.00390625f, 1.01171875f, -0.0f};
  const std::vector<segue::Bfloat16> expected = {0, 0x7f80, 0xff80, 0x7f80, 0x3f80, 0x3f82, 0x8000};
  std::vector<segue::Bfloat16> to(from.size());
  tiles->narrow({from.data(), 0, 1, Index(from.size()), to.data(), 0, Index(from.size())});
  if ((to[0] & 0x7fff) <= 0x7f80) fail("not a number became one", to[0]);
  for (std::size_t i = 1; i < to.size(); ++i) {
    if (to[i] != expected[i]) fail("another number of bfloat16", from[i]);
  }
}

Index one_of(const std::vector<Index>& choices) {
  return choices[whole(0, Index(choices.size()) - 1)];
}
Floats maybe(bool wanted, Index count, double scale = 1.0) {
  return wanted ? normal(count, scale) : Floats();
}
float* data(Floats& values) { return values.empty() ? nullptr : values.data(); }

// A shard of ragged sequences; its signals are [total, features].
struct Shard {
  Offsets length, active, start{0};

  explicit Shard(const Offsets& lengths) : length(lengths) {
    std::sort(length.rbegin(), length.rend());
    for (Index t = 0; t < length[0]; ++t) {
      active.push_back(std::count_if(length.begin(), length.end(), [t](Index l) { return l > t; }));
      start.push_back(start.back() + active.back());
    }
  }
  Index n() const { return Index(length.size()); }
  Index total() const { return start.back(); }
  Index row(Index t, Index r, bool reversed) const {
    return start[reversed ? length[r] - 1 - t : t] + r;
  }
};

constexpr float kBefore = 1.0f / 1024;  // in gradients that are added to

// A recurrent layer, all that goes into a shard of it, and all that comes out.
struct Layer {
  int cell;
  Index channels = one_of({1, 3, 20}), units = one_of({1, 7, 8, 9, 16, 33});
  Index gates, x_stride, outputs_stride, h_stride;
  bool reversed = whole(0, 1) == 1, has_outputs = whole(0, 1) == 1, has_final, wants_inputs;
  Floats kernel, recurrent, bias, x, h0, c0, input_masks, hidden_masks;
  Floats d_outputs, d_h_after, d_c_after;

  Floats outputs, h_after, c_after;
  Floats d_kernel, d_recurrent, d_bias, d_x, d_h0, d_c0;

  Layer(int cell_, const Shard& shard) : cell(cell_), gates(cell == 0 ? 4 : cell < 3 ? 3 : 1) {
    const Index n = shard.n(), total = shard.total();
    const bool has_state = whole(0, 1) == 1;
    has_final = !has_outputs || whole(0, 1) == 1, wants_inputs = whole(0, 2) > 0;
    x_stride = channels + whole(0, 3), outputs_stride = units + whole(0, 3);
    h_stride = units + whole(0, 3);
    // Not so large that gates saturate: 1 - tanh^2 has no relative precision in float32 there.
    kernel = normal(channels * gates * units, 0.5 / std::sqrt(double(channels)));
    recurrent = normal(units * gates * units, 0.6 / std::sqrt(double(units)));
    bias = normal((cell == 1 ? 2 : 1) * gates * units, 0.3);
    x = normal(total * x_stride);
    h0 = maybe(has_state, n * units), c0 = maybe(has_state && cell == 0, n * units);
    input_masks = maybe(whole(0, 2) == 0, n * gates * channels);
    hidden_masks = maybe(whole(0, 2) == 0, n * gates * units);
    d_outputs = maybe(has_outputs, total * outputs_stride);
    d_h_after = maybe(has_final, n * h_stride);
    d_c_after = maybe(has_final && cell == 0, n * units);
  }

  void run(const Shard& shard) {
    const Index n = shard.n(), total = shard.total();
    const segue::TrainingCase c{cell,
                                channels,
                                units,
                                reversed,
                                n,
                                Index(shard.active.size()),
                                total,
                                shard.active.data(),
                                shard.start.data(),
                                shard.length.data(),
                                data(input_masks),
                                data(hidden_masks),
                                tiles};
    Floats packed(kernels->packed_size(c)), tape(kernels->tape_size(c), std::nanf(""));
    kernels->pack(c, kernel.data(), recurrent.data(), bias.data(), packed.data());
    outputs.assign(has_outputs ? total * outputs_stride : 0, 0.0f);
    h_after.assign(has_final ? n * h_stride : 0, 0.0f);
    c_after.assign(has_final && cell == 0 ? n * units : 0, 0.0f);
    for (auto [gradient, of] : {std::pair{&d_kernel, &kernel},
                                {&d_recurrent, &recurrent},
                                {&d_bias, &bias},
                                {&d_h0, &h0},
                                {&d_c0, &c0}}) {
      gradient->assign(of->size(), kBefore);
    }
    d_x.assign(wants_inputs ? x.size() : 0, kBefore);
    const bool done =
        kernels->forward(c, packed.data(), x.data(), x_stride, data(h0), data(c0), tape.data(),
                         data(outputs), outputs_stride, data(h_after), h_stride, data(c_after)) &&
        kernels->backward(c, packed.data(), tape.data(), data(d_outputs), outputs_stride,
                          data(d_h_after), h_stride, data(d_c_after), d_kernel.data(),
                          d_recurrent.data(), d_bias.data(), data(d_x), x_stride, data(d_h0),
                          data(d_c0));
    if (!done) fail("no memory", 0.0);
  }
};

Floats rows_of(const Floats& from, Index stride, Index width) {
  Floats rows;
  for (std::size_t i = 0; i < from.size(); i += stride) {
    rows.insert(rows.end(), &from[i], &from[i] + width);
  }
  return rows;
}

// Of bfloat16, whose reference has the same operands, but not the gradients of gates: their eighth
// bit, and that of the sums of float32 that a bit of an operand hangs on.
double of_outputs() { return tiles ? 2e-3 : 1e-5; }
double of_gradients() { return tiles ? 1e-2 : 1e-4; }

void check_gradient(const Floats& found, Doubles expected) {
  for (double& value : expected) value += kBefore;
  if (!found.empty()) check_close(found, expected, of_gradients());
}

void test_recurrent(int cell) {
  Offsets lengths;
  for (Index i = whole(1, 11); i > 0; --i) lengths.push_back(whole(whole(0, 9) ? 1 : 0, 9));
  const Shard shard(lengths);
  if (shard.total() == 0) return;
  Layer layer(cell, shard);
  layer.run(shard);

  nodes.clear();
  const Index n = shard.n(), units = layer.units, channels = layer.channels;
  const NumberCell reference{
      cell, channels, units, numbers(layer.kernel), numbers(layer.recurrent), numbers(layer.bias),
      tiles != nullptr};
  const Floats none(n * units);
  const Numbers x = numbers(rows_of(layer.x, layer.x_stride, channels));
  const Numbers h0 = numbers(layer.h0.empty() ? none : layer.h0);
  const Numbers c0 = numbers(layer.c0.empty() ? none : layer.c0);
  Numbers outputs(shard.total() * units), h_after, c_after;
  for (Index r = 0; r < n; ++r) {
    Numbers h(&h0[r * units], &h0[r * units] + units), c(&c0[r * units], &c0[r * units] + units);
    for (Index t = 0; t < shard.length[r]; ++t) {
      const Index row = shard.row(t, r, layer.reversed);
      const float* input_mask = data(layer.input_masks);
      const float* hidden_mask = data(layer.hidden_masks);
      reference.step(&x[row * channels],
                     input_mask ? input_mask + r * layer.gates * channels : nullptr,
                     hidden_mask ? hidden_mask + r * layer.gates * units : nullptr, h, c);
      std::copy(h.begin(), h.end(), &outputs[row * units]);
    }
    h_after.insert(h_after.end(), h.begin(), h.end());
    c_after.insert(c_after.end(), c.begin(), c.end());
  }
  Gradient gradient;
  if (layer.has_outputs) {
    check_close(rows_of(layer.outputs, layer.outputs_stride, units), values_of(outputs), of_outputs());
    gradient.add(outputs, rows_of(layer.d_outputs, layer.outputs_stride, units));
  }
  if (layer.has_final) {
    check_close(rows_of(layer.h_after, layer.h_stride, units), values_of(h_after), of_outputs());
    gradient.add(h_after, rows_of(layer.d_h_after, layer.h_stride, units));
    if (cell == 0) {
      check_close(layer.c_after, values_of(c_after), of_outputs());
      gradient.add(c_after, layer.d_c_after);
    }
  }
  gradient.run();
  check_gradient(layer.d_kernel, gradient.of(reference.kernel));
  check_gradient(layer.d_recurrent, gradient.of(reference.recurrent));
  check_gradient(layer.d_bias, gradient.of(reference.bias));
  check_gradient(layer.d_h0, gradient.of(h0));
  check_gradient(layer.d_c0, gradient.of(c0));
  check_gradient(rows_of(layer.d_x, layer.x_stride, channels), gradient.of(x));

  // One sequence alone.
  const Index r = whole(0, n - 1);
  if (shard.length[r] == 0) return;
  const Shard alone({shard.length[r]});
  Layer one = layer;
  const auto part = [&](Floats& all) {
    const Index width = Index(all.size()) / n;
    all = Floats(all.begin() + r * width, all.begin() + (r + 1) * width);
  };
  const auto own_steps = [&](const Floats& all, Index stride) {
    Floats own;
    for (Index t = 0; !all.empty() && t < shard.length[r]; ++t) {
      const float* row = &all[shard.row(t, r, false) * stride];
      own.insert(own.end(), row, row + stride);
    }
    return own;
  };
  for (Floats* all :
       {&one.h0, &one.c0, &one.input_masks, &one.hidden_masks, &one.d_h_after, &one.d_c_after}) {
    part(*all);
  }
  one.x = own_steps(layer.x, layer.x_stride);
  one.d_outputs = own_steps(layer.d_outputs, layer.outputs_stride);
  one.run(alone);
  for (Floats* all : {&layer.h_after, &layer.c_after, &layer.d_h0, &layer.d_c0}) part(*all);
  if (one.outputs != own_steps(layer.outputs, layer.outputs_stride) ||
      one.h_after != layer.h_after || one.c_after != layer.c_after) {
    fail("a sequence alone has other bits", double(r));
  }
  if (one.d_x != own_steps(layer.d_x, layer.x_stride) || one.d_h0 != layer.d_h0 ||
      one.d_c0 != layer.d_c0) {
    fail("the gradient of a sequence alone has other bits", double(r));
  }
}

// A padded batch in the C interface, with NaN behind the ends; all that comes out, joined.
struct Padded {
  int cell;
  Index channels, units, time, gates;
  Offsets lengths;
  bool has_masks, has_outputs;
  Floats kernel, recurrent, bias, x, h, c, input_masks, hidden_masks;
  Floats d_outputs, d_h_after, d_c_after;

  Padded(int cell_, Index batch, Index longest, Index units_)
      : cell(cell_),
        channels(one_of({1, 3, 20})),
        units(units_),
        time(longest + whole(0, 2)),
        gates(cell == 0  ? 4
              : cell < 3 ? 3
                         : 1),
        has_masks(whole(0, 1) == 1),
        has_outputs(whole(0, 1) == 1) {
    for (Index i = 0; i < batch; ++i) lengths.push_back(whole(0, longest));
    kernel = normal(channels * gates * units, 0.3);
    recurrent = normal(units * gates * units, 0.3 / std::sqrt(double(units)));
    bias = normal((cell == 1 ? 2 : 1) * gates * units, 0.3);
    x = padded(channels), h = normal(batch * units), c = maybe(cell == 0, batch * units);
    input_masks = maybe(has_masks, batch * gates * channels);
    hidden_masks = maybe(has_masks, batch * gates * units);
    d_outputs = has_outputs ? padded(units) : Floats();
    d_h_after = normal(batch * units), d_c_after = maybe(cell == 0, batch * units);
  }

  Floats padded(Index features) const {
    Floats values = normal(Index(lengths.size()) * time * features);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const auto row = values.begin() + Index(i) * time * features;
      std::fill(row + lengths[i] * features, row + time * features, std::nanf(""));
    }
    return values;
  }

  std::vector<Floats> run(Index threads) {
    const Index batch = Index(lengths.size());
    const segue_recurrence call{
        cell,           channels, units, kernel.data(),     recurrent.data(),  bias.data(),
        lengths.data(), batch,    time,  data(input_masks), data(hidden_masks)};
    Floats tape(library->recurrent_tape_size(&call), std::nanf(""));
    Floats outputs(batch * time * units), h_after(h.size()), c_after(c.size());
    Floats d_kernel(kernel.size()), d_recurrent(recurrent.size()), d_bias(bias.size());
    Floats d_x(x.size()), d_h(h.size()), d_c(c.size());
    const int failed =
        library->recurrent_forward(&call, x.data(), h.data(), data(c), tape.data(),
                                      outputs.data(), h_after.data(), data(c_after), threads) ||
        library->recurrent_backward(&call, tape.data(), data(d_outputs), d_h_after.data(),
                                       data(d_c_after), d_kernel.data(), d_recurrent.data(),
                                       d_bias.data(), d_x.data(), d_h.data(), data(d_c), threads);
    if (failed) fail("no memory", failed);
    return {outputs, h_after, c_after, d_kernel, d_recurrent, d_bias, d_x, d_h, d_c};
  }
};

// One shard as it is, and each sequence of several alone.
void test_padded(int cell) {
  Padded batch(cell, whole(1, 40), whole(1, 6), one_of({1, 7, 9}));
  const std::vector<Floats> found = batch.run(1);
  for (const Floats& values : found) {
    for (const float value : values) {
      if (!(value == value)) fail("padding was read", value);
    }
  }
  const Index n = Index(batch.lengths.size()), i = whole(0, n - 1);
  Padded one = batch;
  const auto part = [&](Floats values) {
    const Index width = Index(values.size()) / n;
    return Floats(values.begin() + i * width, values.begin() + (i + 1) * width);
  };
  one.lengths = {batch.lengths[i]};
  for (Floats* all : {&one.x, &one.h, &one.c, &one.input_masks, &one.hidden_masks, &one.d_outputs,
                      &one.d_h_after, &one.d_c_after}) {
    *all = part(*all);
  }
  const std::vector<Floats> alone = one.run(1);
  for (const std::size_t k : {0, 1, 2, 6, 7, 8}) {
    if (alone[k] != part(found[k])) fail("a sequence alone has other bits", double(k));
  }
  Doubles sums(batch.kernel.size());
  for (Index r = 0; r < n; ++r) {  // the gradient of the weights is the sum of those of each
    Padded other = batch;
    for (Index k = 0; k < n; ++k) {
      if (k != r) other.lengths[k] = 0;
    }
    const Floats own = other.run(1)[3];
    for (std::size_t k = 0; k < own.size(); ++k) sums[k] += own[k];
  }
  check_close(found[3], sums, 1e-5);
}

// Enough work for several threads, and the same bits with them.
void test_threads() {
  Padded batch(0, 70, 30, 64);
  batch.lengths.assign(batch.lengths.size(), 30);
  batch.x = batch.padded(batch.channels);
  if (batch.has_outputs) batch.d_outputs = batch.padded(batch.units);
  if (batch.run(1) != batch.run(3)) fail("other bits with several threads", 0.0);
}

// The reference itself: differences along a random direction.
void test_reference(int cell) {
  const Index channels = 3, units = 4, steps = 5, gates = cell == 0 ? 4 : cell < 3 ? 3 : 1;
  const Floats kernel = normal(channels * gates * units), recurrent = normal(units * gates * units);
  const Floats bias = normal((cell == 1 ? 2 : 1) * gates * units), x = normal(steps * channels);
  const Floats state = normal(2 * units), masks = normal(gates * (channels + units));
  const Floats weights = normal(2 * units);
  std::vector<Floats> directions;
  for (const Floats* part : {&kernel, &recurrent, &bias, &x, &state}) {
    directions.push_back(normal(Index(part->size())));
  }
  double slope = 0.0;
  const auto loss = [&](double along) {
    nodes.clear();
    std::vector<Numbers> parts;
    for (const Floats* part : {&kernel, &recurrent, &bias, &x, &state}) {
      const Floats& direction = directions[parts.size()];
      Numbers moved;
      for (std::size_t i = 0; i < part->size(); ++i) {
        moved.push_back(Number((*part)[i] + along * direction[i]));
      }
      parts.push_back(moved);
    }
    const NumberCell reference{cell, channels, units, parts[0], parts[1], parts[2]};
    Numbers h(parts[4].begin(), parts[4].begin() + units),
        c(parts[4].begin() + units, parts[4].end());
    for (Index t = 0; t < steps; ++t) {
      reference.step(&parts[3][t * channels], masks.data(), masks.data() + gates * channels, h, c);
    }
    h.insert(h.end(), c.begin(), c.end());
    Gradient gradient;
    gradient.add(h, weights);
    gradient.run();
    slope = 0.0;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const Doubles of_part = gradient.of(parts[p]);
      for (std::size_t i = 0; i < of_part.size(); ++i) slope += of_part[i] * directions[p][i];
    }
    double total = 0.0;
    for (std::size_t i = 0; i < h.size(); ++i) total += h[i].value * weights[i];
    return total;
  };
  const double step = 1e-6, difference = (loss(step) - loss(-step)) / (2 * step);
  loss(0.0);
  if (std::abs(difference - slope) > 1e-5 * std::max(1.0, std::abs(slope))) {
    fail("the reference's gradient differs from its differences", difference - slope);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20;
  generator.seed(count > 2 ? unsigned(std::atoi(arguments[2])) : 1);
  for (int cell = 0; cell < 5; ++cell) {
    where = "reference, cell " + std::to_string(cell);
    test_reference(cell);
  }
  for (const char* path : {"portable", "avx2", "avx512"}) {
    kernels = segue::internals(path), library = segue_path(path);
    if (!kernels) continue;
    for (int round = 0; round < rounds; ++round) {
      const std::string start = std::string(path) + ", round " + std::to_string(round) + ", ";
      const auto run = [&](const std::string& name, auto&& test) {
        where = start + name;
        test();
      };
      run("transposed", test_transposed);
      for (int cell = 0; cell < 5; ++cell) {
        run("cell " + std::to_string(cell), [&] { test_recurrent(cell); });
        run("padded, cell " + std::to_string(cell), [&] { test_padded(cell); });
      }
    }
    where = std::string(path) + ", threads";
    test_threads();
    std::printf("%s: %d rounds\n", path, rounds);
    for (const auto& [name, precision] :
         {std::pair{"bfloat16", SEGUE_BFLOAT16}, {"plain bfloat16", SEGUE_BFLOAT16_PLAIN}}) {
      tiles = segue::tiles_of_precision(precision);
      for (int round = 0; tiles && round < rounds; ++round) {
        const std::string start =
            std::string(path) + ", " + name + ", round " + std::to_string(round) + ", ";
        where = start + "tiles";
        test_narrow();
        test_tiles();
        for (int cell = 0; cell < 5; ++cell) {
          where = start + "cell " + std::to_string(cell);
          test_recurrent(cell);
        }
      }
      if (tiles) std::printf("%s, %s: %d rounds\n", path, name, rounds);
    }
    tiles = nullptr;
  }
  return 0;
}
