// The kernels' own vectors (native/src/simd.h) beside Google Highway's: the innermost product, and
// the functions of the gates. Highway is Debian's libhwy-dev. On a processor with AVX-512:
//
//   flags="-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mf16c -mbmi -mbmi2 -mpclmul -maes"
//   g++ -O3 -std=c++17 -ffp-contract=off -w -mavx2 -mfma $flags -DSEGUE_USE_AVX512
//     -DSEGUE_PATH=avx512 -DROWS=8 -I native/src bench/simd.cpp -o build/simd && build/simd
//
// and for AVX2: flags="-mf16c -mbmi -mbmi2 -mpclmul -maes", -DSEGUE_USE_AVX2 -DSEGUE_PATH=avx2
// -DROWS=4.
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "math.h"
#include "matmul.h"

namespace hn = hwy::HWY_NAMESPACE;
namespace own = segue::SEGUE_PATH;

constexpr hn::ScalableTag<float> kTag;
constexpr int kLanes = own::kLanes, kVectors = 3, kDepth = 128, kRows = 96;

// As `multiply` in native/src/matmul.h.
void highway_block(const float* a, const float* panel, float* out) {
  hn::Vec<decltype(kTag)> sum[ROWS][kVectors];
  for (auto& row : sum) {
    for (auto& v : row) v = hn::Zero(kTag);
  }
  for (int k = 0; k < kDepth; ++k) {
    hn::Vec<decltype(kTag)> b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = hn::LoadU(kTag, panel + (k * kVectors + v) * kLanes);
    for (int r = 0; r < ROWS; ++r) {
      const auto x = hn::Set(kTag, a[r * kDepth + k]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(x, b[v], sum[r][v]);
    }
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], kTag, out + (r * kVectors + v) * kLanes);
    }
  }
}

void own_block(const float* a, const float* panel, float* out) {
  own::Vector sum[1][ROWS][kVectors];
  for (auto& row : sum[0]) {
    for (auto& v : row) v = own::zero();
  }
  own::multiply(sum, a, kDepth, panel, 0, kDepth);
  for (int r = 0; r < ROWS; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      own::store(out + (r * kVectors + v) * kLanes, sum[0][r][v]);
    }
  }
}

// The shortest of 40 times of 100 calls each, in seconds a call.
template <class Function>
double shortest(const Function& function) {
  double best = 1e9;
  for (int turn = 0; turn < 40; ++turn) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
      function();
      __asm__ volatile("" ::: "memory");  // each call for itself
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count() / 100);
  }
  return best;
}

int main() {
  std::vector<float> a(kRows * kDepth, 0.5f), panel(kDepth * kVectors * kLanes, 0.25f);
  std::vector<float> out(ROWS * kVectors * kLanes), x(4096), y(4096);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.004f * (float(i) - 2048.0f);
  const double products = 2.0 * kRows * kDepth * kVectors * kLanes / 1e9;
  const auto blocks = [&](auto block) {
    return products / shortest([&] {
             for (int r = 0; r < kRows; r += ROWS) block(&a[r * kDepth], panel.data(), out.data());
           });
  };
  const auto each = [&](auto function) {
    return 1e9 / double(x.size()) * shortest([&] {
             for (std::size_t i = 0; i < x.size(); i += kLanes) function(&x[i], &y[i]);
           });
  };
  const double h_tanh = each([](const float* from, float* to) {
    hn::StoreU(hn::Tanh(kTag, hn::LoadU(kTag, from)), kTag, to);
  });
  const double h_sigmoid = each([](const float* from, float* to) {
    const auto one = hn::Set(kTag, 1.0f), e = hn::Exp(kTag, hn::Neg(hn::LoadU(kTag, from)));
    hn::StoreU(hn::Div(one, hn::Add(one, e)), kTag, to);
  });
  const double own_tanh =
      each([](const float* from, float* to) { own::store(to, own::tanh(own::load(from))); });
  const double own_sigmoid =
      each([](const float* from, float* to) { own::store(to, own::sigmoid(own::load(from))); });
  std::printf("%d lanes  product, GFlop/s  tanh, ns  sigmoid, ns (an element)\n", kLanes);
  std::printf("Highway  %15.0f %10.2f %10.2f\n", blocks(highway_block), h_tanh, h_sigmoid);
  std::printf("own      %15.0f %10.2f %10.2f\n", blocks(own_block), own_tanh, own_sigmoid);
}
