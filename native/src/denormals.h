// Numbers below 1e-38 as zeros.
#pragma once

#include "simd.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

SEGUE_BEGIN

// While it lives, this thread takes them for zeros and makes none. The gradient of a long sequence
// is full of them, and many processors take a hundred times as long for each.
class WithoutDenormals {
 public:
  WithoutDenormals() : before_(get()) { set(before_ | kFlush); }
  ~WithoutDenormals() { set(before_); }
  WithoutDenormals(const WithoutDenormals&) = delete;
  WithoutDenormals& operator=(const WithoutDenormals&) = delete;

 private:
#if defined(__x86_64__) || defined(_M_X64)
  static constexpr std::uint64_t kFlush = 0x8040;
  static std::uint64_t get() { return _mm_getcsr(); }
  static void set(std::uint64_t state) { _mm_setcsr(static_cast<unsigned>(state)); }
#elif defined(__aarch64__) && defined(__GNUC__)
  static constexpr std::uint64_t kFlush = std::uint64_t{1} << 24;
  static std::uint64_t get() {
    std::uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
  }
  static void set(std::uint64_t state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }
#else
  static constexpr std::uint64_t kFlush = 0;
  static std::uint64_t get() { return 0; }
  static void set(std::uint64_t) {}
#endif

  const std::uint64_t before_;
};

SEGUE_END
