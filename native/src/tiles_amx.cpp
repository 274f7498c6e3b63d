// Tiles of processors with AMX, in bfloat16; compiled with its instructions, and those of AVX-512.
#include <immintrin.h>

#include "tiles.h"

namespace segue {

namespace {

// All eight tiles: 16 rows of 64 bytes.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(Configuration) == 64, "as the processor reads it");
const Configuration configuration;

// _tile_loadconfig of GCC 12 says that it reads 8 bytes, and the others are then not even stored.
void begin() { __asm__ volatile("ldtilecfg %0" : : "m"(configuration)); }

void end() { _tile_release(); }

// The numbers of tiles are part of the instructions: sums in 0 to 3, a in 4 and 5, b in 6 and 7.

// One tile of rows, up to four of columns: four sums hide the time that one takes.
template <int Columns>
void one_row(const TileProduct& p, const Bfloat16* a, const Bfloat16* b, float* c) {
  const Index of_a = 2 * p.a_row, of_b = 64, of_c = 4 * p.c_row;
  if (p.adds) {
    _tile_loadd(0, c, of_c);
    if constexpr (Columns > 1) _tile_loadd(1, c + 16, of_c);
    if constexpr (Columns > 2) _tile_loadd(2, c + 32, of_c);
    if constexpr (Columns > 3) _tile_loadd(3, c + 48, of_c);
  } else {
    _tile_zero(0);
    if constexpr (Columns > 1) _tile_zero(1);
    if constexpr (Columns > 2) _tile_zero(2);
    if constexpr (Columns > 3) _tile_zero(3);
  }
  for (Index block = 0; block < p.blocks; ++block, a += p.a_block, b += kTileSize) {
    _tile_loadd(4, a, of_a);
    _tile_loadd(6, b, of_b);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (Columns > 1) {
      _tile_loadd(7, b + p.b_tile, of_b);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (Columns > 2) {
      _tile_loadd(6, b + 2 * p.b_tile, of_b);
      _tile_dpbf16ps(2, 4, 6);
    }
    if constexpr (Columns > 3) {
      _tile_loadd(7, b + 3 * p.b_tile, of_b);
      _tile_dpbf16ps(3, 4, 7);
    }
  }
  _tile_stored(0, c, of_c);
  if constexpr (Columns > 1) _tile_stored(1, c + 16, of_c);
  if constexpr (Columns > 2) _tile_stored(2, c + 32, of_c);
  if constexpr (Columns > 3) _tile_stored(3, c + 48, of_c);
}

// Two tiles of rows, one or two of columns: each tile of b is loaded for both.
template <int Columns>
void two_rows(const TileProduct& p, const Bfloat16* a, const Bfloat16* b, float* c) {
  const Index of_a = 2 * p.a_row, of_b = 64, of_c = 4 * p.c_row;
  float* const below = c + 16 * p.c_row;
  if (p.adds) {
    _tile_loadd(0, c, of_c);
    _tile_loadd(1, below, of_c);
    if constexpr (Columns > 1) {
      _tile_loadd(2, c + 16, of_c);
      _tile_loadd(3, below + 16, of_c);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (Columns > 1) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
  for (Index block = 0; block < p.blocks; ++block, a += p.a_block, b += kTileSize) {
    _tile_loadd(6, b, of_b);
    _tile_loadd(4, a, of_a);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, a + p.a_tile, of_a);
    _tile_dpbf16ps(1, 5, 6);
    if constexpr (Columns > 1) {
      _tile_loadd(7, b + p.b_tile, of_b);
      _tile_dpbf16ps(2, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, of_c);
  _tile_stored(1, below, of_c);
  if constexpr (Columns > 1) {
    _tile_stored(2, c + 16, of_c);
    _tile_stored(3, below + 16, of_c);
  }
}

void multiply(const TileProduct& p) {
  __asm__ volatile("" : : : "memory");  // the loads of tiles do not say that they read memory
  Index i = 0;
  for (; i + 2 <= p.row_tiles; i += 2) {
    const Bfloat16* const a = p.a + i * p.a_tile;
    float* const c = p.c + i * kTileRows * p.c_row;
    Index j = 0;
    for (; j + 2 <= p.column_tiles; j += 2) two_rows<2>(p, a, p.b + j * p.b_tile, c + 16 * j);
    if (j < p.column_tiles) two_rows<1>(p, a, p.b + j * p.b_tile, c + 16 * j);
  }
  if (i == p.row_tiles) return;
  const Bfloat16* const a = p.a + i * p.a_tile;
  float* const c = p.c + i * kTileRows * p.c_row;
  for (Index j = 0; j < p.column_tiles; j += 4) {
    const Bfloat16* const b = p.b + j * p.b_tile;
    switch (p.column_tiles - j) {
      case 1: one_row<1>(p, a, b, c + 16 * j); break;
      case 2: one_row<2>(p, a, b, c + 16 * j); break;
      case 3: one_row<3>(p, a, b, c + 16 * j); break;
      default: one_row<4>(p, a, b, c + 16 * j);
    }
  }
}

void narrow(const NarrowRows& n) {
  for (Index r = 0; r < n.rows; ++r) {
    const float* const from = n.from + r * n.from_row;
    Bfloat16* const to = n.to + r * n.to_row;
    for (Index i = 0; i < n.padded; i += 16) {
      const auto first = [](Index left) {
        return static_cast<__mmask16>(left >= 16 ? 0xffff : left > 0 ? (1u << left) - 1u : 0u);
      };
      const __m512 values = _mm512_maskz_loadu_ps(first(n.count - i), from + i);
      const __m256i narrowed = (__m256i)_mm512_cvtneps_pbh(values);
      _mm256_mask_storeu_epi16(to + i, first(n.padded - i), narrowed);
    }
  }
}

}  // namespace

extern const Tiles amx_tiles;
const Tiles amx_tiles = {begin, end, multiply, narrow};

}  // namespace segue
