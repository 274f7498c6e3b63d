// The primitives of simd.h for AVX-512 (F, BW, DQ, VL): 16 lanes, 32 registers.
#pragma once

#include <immintrin.h>

SEGUE_BEGIN

constexpr int kLanes = 16, kRegisters = 32;

struct Vector {
  __m512 v;
};
using Mask = __mmask16;

SEGUE_INLINE __mmask16 first_lanes(std::int64_t n) {
  return static_cast<__mmask16>((1u << n) - 1u);
}

SEGUE_INLINE Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
SEGUE_INLINE void store(float* p, Vector a) { _mm512_storeu_ps(p, a.v); }
SEGUE_INLINE Vector load_first(const float* p, std::int64_t n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
SEGUE_INLINE void store_first(float* p, Vector a, std::int64_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), a.v);
}
SEGUE_INLINE void keep(Vector&) {}
SEGUE_INLINE Vector broadcast(float x) { return {_mm512_set1_ps(x)}; }

SEGUE_INLINE Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
SEGUE_INLINE Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
SEGUE_INLINE Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
SEGUE_INLINE Vector operator/(Vector a, Vector b) { return {_mm512_div_ps(a.v, b.v)}; }
SEGUE_INLINE Vector fma(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
SEGUE_INLINE Vector min(Vector a, Vector b) { return {_mm512_min_ps(a.v, b.v)}; }
SEGUE_INLINE Vector max(Vector a, Vector b) { return {_mm512_max_ps(a.v, b.v)}; }
SEGUE_INLINE Vector sqrt(Vector a) { return {_mm512_sqrt_ps(a.v)}; }

SEGUE_INLINE Mask less(Vector a, Vector b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
SEGUE_INLINE Mask equal(Vector a, Vector b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
SEGUE_INLINE unsigned bits(Mask mask) { return mask; }
SEGUE_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return {_mm512_mask_blend_ps(mask, b.v, a.v)};
}

SEGUE_INLINE Vector round(Vector a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
SEGUE_INLINE Vector scale(Vector a, Vector n) { return {_mm512_scalef_ps(a.v, n.v)}; }

// An estimate of 14 bits and one step of Newton's method: half the time of a division.
SEGUE_INLINE Vector reciprocal(Vector a) {
  const __m512 estimate = _mm512_rcp14_ps(a.v);
  const __m512 error = _mm512_fnmadd_ps(a.v, estimate, _mm512_set1_ps(1.0f));
  return {_mm512_fmadd_ps(estimate, error, estimate)};
}

SEGUE_END
