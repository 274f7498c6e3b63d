// The kernels of training of each path that this machine has against plain double arithmetic, on
// random shapes; and to the bit: whatever stands beside a row.
//
//   test_training [rounds] [seed]
#include "internals.h"
#include "reference.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

const segue::Internals* kernels;
std::string where;  // path and case, for the message

[[noreturn]] void fail(const char* what, double value) {
  std::printf("%s: %s (%g)\n", where.c_str(), what, value);
  std::exit(1);
}

// |difference| <= tolerance * largest |expected|
void check_close(const Floats& found, const Doubles& expected, double tolerance) {
  if (found.size() != expected.size()) fail("sizes differ", double(found.size()));
  double largest = 1e-30, difference = 0.0;
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
  Doubles expected(before.begin(), before.end()), sums_expected(expected.begin(),
                                                                expected.begin() + n);
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

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20;
  generator.seed(count > 2 ? unsigned(std::atoi(arguments[2])) : 1);
  for (const char* path : {"portable", "avx2", "avx512"}) {
    kernels = segue::internals(path);
    if (!kernels) continue;
    for (int round = 0; round < rounds; ++round) {
      const std::string start = std::string(path) + ", round " + std::to_string(round) + ", ";
      const auto run = [&](const char* name, auto&& test) {
        where = start + name;
        test();
      };
      run("transposed", test_transposed);
    }
    std::printf("%s: %d rounds\n", path, rounds);
  }
  return 0;
}
