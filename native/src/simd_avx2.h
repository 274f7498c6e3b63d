// The primitives of simd.h for AVX2 with FMA: 8 lanes, 16 registers.
#pragma once

#include <immintrin.h>

SEGUE_BEGIN

constexpr int kLanes = 8, kRegisters = 16;

struct Vector {
  __m256 v;
};
struct Mask {
  __m256 v;
};

SEGUE_INLINE __m256i first_lanes(std::int64_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}

SEGUE_INLINE Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
SEGUE_INLINE void store(float* p, Vector a) { _mm256_storeu_ps(p, a.v); }
SEGUE_INLINE Vector load_first(const float* p, std::int64_t n) {
  return {_mm256_maskload_ps(p, first_lanes(n))};
}
SEGUE_INLINE void store_first(float* p, Vector a, std::int64_t n) {
  _mm256_maskstore_ps(p, first_lanes(n), a.v);
}
SEGUE_INLINE void keep(Vector& a) {
#if defined(__GNUC__)
  __asm__("" : "+x"(a.v));
#endif
}
SEGUE_INLINE Vector broadcast(float x) { return {_mm256_set1_ps(x)}; }

SEGUE_INLINE Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
SEGUE_INLINE Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
SEGUE_INLINE Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
SEGUE_INLINE Vector operator/(Vector a, Vector b) { return {_mm256_div_ps(a.v, b.v)}; }
SEGUE_INLINE Vector fma(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
SEGUE_INLINE Vector min(Vector a, Vector b) { return {_mm256_min_ps(a.v, b.v)}; }
SEGUE_INLINE Vector max(Vector a, Vector b) { return {_mm256_max_ps(a.v, b.v)}; }
SEGUE_INLINE Vector sqrt(Vector a) { return {_mm256_sqrt_ps(a.v)}; }

SEGUE_INLINE Mask less(Vector a, Vector b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
SEGUE_INLINE Mask equal(Vector a, Vector b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
SEGUE_INLINE unsigned bits(Mask mask) {
  return static_cast<unsigned>(_mm256_movemask_ps(mask.v));
}
SEGUE_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return {_mm256_blendv_ps(b.v, a.v, mask.v)};
}

SEGUE_INLINE Vector round(Vector a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
SEGUE_INLINE Vector scale(Vector a, Vector n) {  // 2^n by its exponent
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
  return {_mm256_mul_ps(a.v, _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23)))};
}
SEGUE_INLINE Vector reciprocal(Vector a) { return {_mm256_div_ps(_mm256_set1_ps(1.0f), a.v)}; }

SEGUE_END
