// How fast recurrent layers are trained, in one thread, beside what the processor attains.
//
//   bench_training [seconds for each line] [path]
#include "internals.h"
#include "reference.h"
#include "../include/segue.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

double budget = 0.5;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The least time of a call, in seconds.
template <class Call>
double least(const Call& call) {
  double best = 1e9;
  for (const double end = now() + budget; now() < end;) {
    const double start = now();
    call();
    best = std::min(best, now() - start);
  }
  return best;
}

// Where a line of the cache begins, as in the trainer's memory; 15 floats more than are asked for.
float* line_of(Floats& memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  return memory.data() + (64 - address % 64) % 64 / sizeof(float);
}

struct Case {
  const char* name;
  int cell;
  Index channels, units, n, steps;
  bool inputs, masks;
};

void run(const segue::Internals& kernels, const Case& c, const char* precision,
         const segue::Tiles* tiles, double most) {
  const Index gates = c.cell == 0 ? 4 : c.cell < 3 ? 3 : 1, total = c.n * c.steps;
  Offsets active(c.steps, c.n), start, length(c.n, c.steps);
  for (Index t = 0; t <= c.steps; ++t) start.push_back(t * c.n);
  const Floats masks = normal(c.n * gates * std::max(c.units, c.channels));
  const segue::TrainingCase layer{c.cell,
                                  c.channels,
                                  c.units,
                                  false,
                                  c.n,
                                  c.steps,
                                  total,
                                  active.data(),
                                  start.data(),
                                  length.data(),
                                  c.masks ? masks.data() : nullptr,
                                  c.masks ? masks.data() : nullptr,
                                  tiles};
  const Floats kernel = normal(c.channels * gates * c.units, 0.1);
  const Floats recurrent = normal(c.units * gates * c.units, 0.1);
  const Floats bias = normal(2 * gates * c.units), x = normal(total * c.channels);
  const Floats d_h = normal(c.n * c.units);
  Floats of_packed(kernels.packed_size(layer) + 15), of_tape(kernels.tape_size(layer) + 15);
  float *const packed = line_of(of_packed), *const tape = line_of(of_tape);
  Floats d_kernel(kernel.size()), d_recurrent(recurrent.size()), d_bias(bias.size());
  Floats h(c.n * c.units), d_x(x.size());
  const auto pack = [&] {
    kernels.pack(layer, kernel.data(), recurrent.data(), bias.data(), packed);
  };
  const auto forward = [&] {
    kernels.forward(layer, packed, x.data(), c.channels, nullptr, nullptr, tape,
                    nullptr, 0, h.data(), c.units, nullptr);
  };
  const auto backward = [&](bool weights) {
    kernels.backward(layer, packed, tape, nullptr, 0, d_h.data(), c.units, nullptr,
                     weights ? d_kernel.data() : nullptr, d_recurrent.data(), d_bias.data(),
                     c.inputs ? d_x.data() : nullptr, c.channels, nullptr, nullptr);
  };
  const double of_pack = least(pack), of_forward = least(forward);
  const double of_backward = least([&] { backward(false); });
  const double of_weights = least([&] { backward(true); }) - of_backward;
  const double of_all = least([&] { forward(), backward(true); });
  const double h_work = double(total) * c.units * gates * c.units;
  const double x_work = double(total) * c.channels * gates * c.units;
  const double back_work = h_work * double(c.steps - 1) / double(c.steps) + c.inputs * x_work;
  std::printf("%s, %s\n", c.name, precision);
  const auto line = [&](const char* what, double seconds, double work) {
    std::printf("  %-16s %8.1f us", what, 1e6 * seconds);
    if (work > 0) {
      std::printf(" %7.1f GFLOP/s, %3.0f %%", 2e-9 * work / seconds, 100 * work / seconds / most);
    }
    std::printf("\n");
  };
  line("pack", of_pack, 0);
  line("forward", of_forward, h_work + x_work);
  line("backward", of_backward, back_work);
  line("weight gradient", of_weights, h_work + x_work);
  line("all but pack", of_all, 2 * (h_work + x_work) + back_work);
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) budget = std::atof(arguments[1]);
  for (const char* path : {"portable", "avx2", "avx512"}) {
    const segue::Internals* kernels = segue::internals(path);
    if (!kernels || (count > 2 && std::strcmp(path, arguments[2]))) continue;
    const double most =
        kernels->multiply_alone(1000) / least([&] { kernels->multiply_alone(1000); });
    std::printf("%s: multiply alone %.1f GFLOP/s\n", path, 2e-9 * most);
    for (const Case& c :
         {Case{"lstm 128, 28 channels, 16 x 28 steps", 0, 28, 128, 16, 28, false, false},
          Case{"lstm 64, 1 channel, 16 x 10 steps", 0, 1, 64, 16, 10, false, false},
          Case{"lstm 128, 128 channels, d_x, 16 x 28 steps", 0, 128, 128, 16, 28, true, false},
          Case{"lstm 128, 28 channels, masks, 16 x 28 steps", 0, 28, 128, 16, 28, false, true},
          Case{"gru 128, 28 channels, 16 x 28 steps", 1, 28, 128, 16, 28, false, false},
          Case{"gru before 128, 28 channels, 16 x 28 steps", 2, 28, 128, 16, 28, false, false},
          Case{"rnn tanh 128, 28 channels, 16 x 28 steps", 3, 28, 128, 16, 28, false, false},
          Case{"lstm 128, 28 channels, 64 x 28 steps", 0, 28, 128, 64, 28, false, false},
          Case{"lstm 100, 1 channel, 16 x 3528 steps", 0, 1, 100, 16, 3528, false, false},
          Case{"lstm 100, 1 channel, 4 x 3528 steps", 0, 1, 100, 4, 3528, false, false},
          Case{"lstm 32, 28 channels, 16 x 28 steps", 0, 28, 32, 16, 28, false, false},
          Case{"lstm 16, 28 channels, 16 x 28 steps", 0, 28, 16, 16, 28, false, false},
          Case{"lstm 128, 28 channels, 4 x 28 steps", 0, 28, 128, 4, 28, false, false},
          Case{"lstm 128, 28 channels, 1 x 28 steps", 0, 28, 128, 1, 28, false, false}}) {
      run(*kernels, c, "float32", nullptr, most);
      const segue::Tiles* tiles = segue::tiles_of_precision(SEGUE_BFLOAT16);
      if (tiles && !std::strcmp(path, "avx512")) run(*kernels, c, "bfloat16", tiles, most);
    }
  }
  return 0;
}
