// The C interface: which paths this library and this processor have.
#include <cstring>

#include "../include/segue.h"
#include "tiles.h"

#if defined(SEGUE_X86)
#if defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace segue {

namespace portable {
extern const segue_kernels kernels;
}

#if defined(SEGUE_X86)
namespace avx2 {
extern const segue_kernels kernels;
}
namespace avx512 {
extern const segue_kernels kernels;
}

namespace {

struct Registers {
  unsigned a, b, c, d;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r{};
#if defined(_MSC_VER)
  int all[4];
  __cpuidex(all, static_cast<int>(leaf), static_cast<int>(subleaf));
  std::memcpy(&r, all, sizeof r);
#else
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
#endif
  return r;
}

// The registers that the operating system saves (XCR0).
unsigned saved_registers() {
#if defined(_MSC_VER)
  return static_cast<unsigned>(_xgetbv(0));
#else
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
#endif
}

bool has(unsigned set, unsigned wanted) { return (set & wanted) == wanted; }

bool has_avx2() {
  const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
  if (cpuid(0).a < 7 || !has(cpuid(1).c, fma | osxsave | avx)) return false;
  return has(saved_registers(), 0x6) && has(cpuid(7).b, 1u << 5);
}

bool has_avx512() {
  const unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
  return has_avx2() && has(saved_registers(), 0xe6) && has(cpuid(7).b, f | dq | bw | vl);
}

}  // namespace

bool has_amx_bf16() {
  const unsigned bf16 = 1u << 22, tile = 1u << 24, avx512_bf16 = 1u << 5, states = 3u << 17;
  return has_avx512() && has(saved_registers(), states) && has(cpuid(7).d, bf16 | tile) &&
         has(cpuid(7, 1).a, avx512_bf16);
}
#endif

}  // namespace segue

extern "C" {

int segue_abi(void) { return SEGUE_ABI; }

const char* segue_best_path(void) {
  return segue_path("avx512") ? "avx512" : segue_path("avx2") ? "avx2" : "portable";
}

const segue_kernels* segue_path(const char* path) {
#if defined(SEGUE_X86)
  if (!std::strcmp(path, "avx512") && segue::has_avx512()) return &segue::avx512::kernels;
  if (!std::strcmp(path, "avx2") && segue::has_avx2()) return &segue::avx2::kernels;
#endif
  return std::strcmp(path, "portable") ? nullptr : &segue::portable::kernels;
}

int segue_has_precision(int precision) {
  return precision == SEGUE_FLOAT32 || segue::tiles_of_precision(precision) != nullptr;
}
}
