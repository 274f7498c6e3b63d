// The products of a recurrent layer in training in tiles of bfloat16: forward, back from the gates,
// and for the gradients of the weights. Everything else stays in float32.
//
// Rows [x | h] and the gradients of gates are narrowed to bfloat16 as they come. There a row of
// gates has slot after slot, each of whole blocks of units; so have the sums of a step.
#pragma once

#include "tiles.h"
#include "training_back.h"

SEGUE_BEGIN

// Two elements side by side, as one number.
SEGUE_INLINE std::uint32_t pair_of(Bfloat16 even, Bfloat16 odd) {
  return static_cast<std::uint32_t>(odd) << 16 | even;
}
SEGUE_INLINE void store_pair(Bfloat16* to, std::uint32_t pair) {
  std::memcpy(to, &pair, sizeof pair);
}

// Rows [count, 16 * column_tiles] as tiles of b: depth runs over the rows. Turned: as tiles of a,
// transposed, whose depth runs over the rows likewise. Missing rows are zeros.
template <bool Turned>
inline void pack_rows(const Bfloat16* rows, Index stride, Index count, Index column_tiles,
                      Bfloat16* to, Index to_tile) {
  const Bfloat16 zeros[kTileColumns] = {};
  for (Index pair = 0; pair < whole_tiles(count, kTileDepth) / 2; ++pair) {
    constexpr Index kPairs = kTileDepth / 2;
    Bfloat16* const of_pair = to + pair / kPairs * kTileSize +
                              pair % kPairs * (Turned ? 2 : 2 * kTileColumns);
    const Bfloat16* const row = rows + 2 * pair * stride;
    for (Index tile = 0; tile < column_tiles; ++tile) {
      const Bfloat16* const even = 2 * pair < count ? row + tile * kTileColumns : zeros;
      const Bfloat16* const odd = 2 * pair + 1 < count ? row + stride + tile * kTileColumns : zeros;
      std::uint32_t pairs[kTileColumns];
      for (Index n = 0; n < kTileColumns; ++n) pairs[n] = pair_of(even[n], odd[n]);
      Bfloat16* const at = of_pair + tile * to_tile;
      if (Turned) {
        for (Index n = 0; n < kTileColumns; ++n) store_pair(at + n * kTileDepth, pairs[n]);
      } else {
        std::memcpy(at, pairs, sizeof pairs);
      }
    }
  }
}

// Rows [count, 32 * blocks], transposed, as tiles of b: depth runs along the rows.
inline void pack_turned(const Bfloat16* rows, Index stride, Index count, Index blocks, Bfloat16* to,
                        Index to_tile) {
  for (Index row = 0; row < whole_tiles(count, kTileColumns); ++row) {
    Bfloat16* const of_row = to + row / kTileColumns * to_tile + row % kTileColumns * 2;
    for (Index pair = 0; pair < blocks * kTileDepth / 2; ++pair) {
      const Bfloat16* const from = rows + row * stride + 2 * pair;
      store_pair(of_row + pair * 2 * kTileColumns, row < count ? pair_of(from[0], from[1]) : 0);
    }
  }
}

// A product of a step forward: the gate whose weights and mask it has, and the stretch of [x | h].
struct GateProduct {
  Index gate, first, depth;
};

// Sizes of a layer in tiles, and where its packed weights lie, in elements of bfloat16.
struct TileLayout {
  const TrainedLayer& layer;
  Index width;            // of a slot: units, in whole blocks of depth
  Index row, gates_row;   // from a row [x | h], and from one of gates, to the next one
  Index count, before;    // products of a step, of which so many come before a candidate
  GateProduct products[kMostGates];
  Index of_product[kMostGates], of_hidden, of_candidate, of_input, space, size;

  explicit TileLayout(const TrainedLayer& layer_) : layer(layer_) {
    const Index channels = layer.shape.channels, units = layer.shape.units;
    width = whole_tiles(units, kTileDepth);
    row = odd_lines(channels + width), gates_row = odd_lines(layer.slots.slots * width);
    count = before = layer.gates;
    for (Index gate = 0; gate < layer.gates; ++gate) products[gate] = {gate, 0, channels + units};
    if (layer.cell == SEGUE_GRU) {  // the candidate's products with x and with h are apart
      products[2] = {2, 0, channels}, products[3] = {2, channels, units};
      count = before = 4;
    }
    if (layer.cell == SEGUE_GRU_BEFORE) before = 2;
    size = 0;
    for (Index i = 0; i < count; ++i) of_product[i] = take(tile_size(i) * width / kTileColumns);
    of_hidden = take(back_size(units, layer.slots.hidden));
    of_candidate = take(back_size(units, layer.slots.candidate));
    of_input = take(back_size(channels, layer.slots.input));
    space = take((channels + units) * width);  // for the making
  }

  // From a tile of columns of a packed matrix to the next one.
  Index tile_size(Index product) const {
    return tiles_of(products[product].depth, kTileDepth) * kTileSize;
  }
  Index tile_size(const Gates& gates) const { return gates.count * gate_size(); }
  Index gate_size() const { return width / kTileDepth * kTileSize; }

  // Lines of 64 bytes, an odd number of them.
  static Index odd_lines(Index count) { return (tiles_of(count, kTileDepth) | 1) * kTileDepth; }
  static Index floats(Index elements) { return TrainedLayer::lines(tiles_of(elements, 2)); }

 private:
  Index take(Index elements) {
    const Index first = size;
    size += whole_tiles(elements, kTileDepth);
    return first;
  }
  Index back_size(Index inputs, const Gates& gates) const {
    return tiles_of(inputs, kTileColumns) * tile_size(gates);
  }
};

inline void pack_tiles(const Tiles& tiles, const TileLayout& layout, const float* kernel,
                       const float* recurrent_kernel, Bfloat16* packed) {
  const TrainedLayer& layer = layout.layer;
  const Index channels = layer.shape.channels, units = layer.shape.units;
  const Index columns = layer.gates * units, width = layout.width;
  Bfloat16* const of_x = packed + layout.space;
  Bfloat16* const of_h = of_x + channels * width;
  for (Index gate = 0; gate < layer.gates; ++gate) {
    tiles.narrow({kernel + gate * units, columns, channels, units, of_x, width, width});
    tiles.narrow({recurrent_kernel + gate * units, columns, units, units, of_h, width, width});
    for (Index i = 0; i < layout.count; ++i) {
      const GateProduct& product = layout.products[i];
      if (product.gate != gate) continue;
      pack_rows<false>(of_x + product.first * width, width, product.depth, width / kTileColumns,
                       packed + layout.of_product[i], layout.tile_size(i));
    }
    const auto back = [&](const Gates& gates, const Bfloat16* rows, Index inputs, Index first) {
      for (Index i = 0; i < gates.count; ++i) {
        if (gates.gate[i] != gate) continue;
        pack_turned(rows, width, inputs, width / kTileDepth,
                    packed + first + i * layout.gate_size(), layout.tile_size(gates));
      }
    };
    back(layer.slots.hidden, of_h, units, layout.of_hidden);
    back(layer.slots.candidate, of_h, units, layout.of_candidate);
    back(layer.slots.input, of_x, channels, layout.of_input);
  }
}

// The products of a layer over a shard. `memory` is kept from forward to backward.
class TileProducts {
 public:
  TileProducts(const Tiles* tiles, const TileLayout& layout, const Tape& tape,
               const float* packed, float* memory)
      : tiles_(tiles),
        layout_(layout),
        tape_(tape),
        packed_(reinterpret_cast<const Bfloat16*>(packed)) {
    if (tiles == nullptr) return;
    const Index total = tape.steps.total;
    const auto take = [&](Index elements) {
      Bfloat16* const part = reinterpret_cast<Bfloat16*>(memory);
      if (memory) memory += TileLayout::floats(elements);
      size_ += TileLayout::floats(elements);
      return part;
    };
    // A tile reads the rows behind the last one, too.
    const Index more = kTileRows * layout.row;
    rows_ = take((has_masks() ? layer().gates : 1) * total * layout.row + more);
    reset_ = take(layout.before == layout.count || has_masks() ? 0 : total * layout.row + more);
    gates_ = take((total + kTileRows) * layout.gates_row);
    space_ = memory, size_ += space_size();
    if (memory) tiles->begin();
  }
  ~TileProducts() {
    if (tiles_ && space_) tiles_->end();
  }
  TileProducts(const TileProducts&) = delete;
  TileProducts& operator=(const TileProducts&) = delete;

  explicit operator bool() const { return tiles_ != nullptr; }
  Index size() const { return size_; }  // in floats

  // The products of a step's gates, or of its candidate.
  void take_gates(TiledStep& step, Index active) const { take(step, active, 0, layout_.before); }
  void take_candidate(TiledStep& step, Index active) const {
    take(step, active, layout_.before, layout_.count);
  }

  // The gradients of the gates of a step.
  void narrow_gates(Index row, Index active) const {
    const Index panels = layer().shape.panels(), slots = layer().slots.slots;
    for (Index panel = 0; panel < panels; ++panel) {
      const Index unit = panel * kLanes;
      for (Index slot = 0; slot < slots; ++slot) {
        const float* const from = tape_.slots + ((panel * total() + row) * slots + slot) * kLanes;
        tiles_->narrow({from, slots * kLanes, active, kLanes,
                        gates_ + row * layout_.gates_row + slot * layout_.width + unit,
                        layout_.gates_row, panel + 1 < panels ? kLanes : layout_.width - unit});
      }
    }
  }

  // As add_back of training_back.h, of the rows from `row` on.
  void add_back(const Gates& gates, Index inputs, Index row, Index rows, const float* mask,
                Index mask_stride, float* out, Index out_stride) const {
    const Bfloat16* const weights = packed_ + (&gates == &layer().slots.hidden  ? layout_.of_hidden
                                               : &gates == &layer().slots.input ? layout_.of_input
                                                                                : layout_.of_candidate);
    const Index together = mask == nullptr ? gates.count : 1, stride = sums_row(inputs);
    for (Index g = 0; g < gates.count; g += together) {
      for (Index first = 0; first < rows; first += kRowsOfBack) {
        const Index count = rows - first < kRowsOfBack ? rows - first : kRowsOfBack;
        multiply({gates_ + (row + first) * layout_.gates_row + (gates.slot + g) * layout_.width,
                  layout_.gates_row, kTileDepth, kTileRows * layout_.gates_row,
                  weights + g * layout_.gate_size(), layout_.tile_size(gates),
                  tiles_of(count, kTileRows), tiles_of(inputs, kTileColumns),
                  together * layout_.width / kTileDepth, space_, stride, false});
        for (Index r = 0; r < count; ++r) {
          const float* const of_gate =
              mask ? mask + (first + r) * mask_stride + gates.gate[g] * inputs : nullptr;
          add_row(space_ + r * stride, of_gate, inputs, out + (first + r) * out_stride);
        }
      }
    }
  }

  // As add_weights of training_back.h.
  void add_weights(float* d_kernel, float* d_recurrent_kernel, float* d_bias) const {
    const CellGates& slots = layer().slots;
    const Index channels = layer().shape.channels, units = layer().shape.units;
    if (slots.joined() && !has_masks()) {
      add_part(slots.hidden, rows_, 0, channels + units, d_kernel, d_recurrent_kernel);
    } else {
      add_parts(slots.input, rows_, 0, channels, d_kernel, d_recurrent_kernel);
      add_parts(slots.hidden, rows_, channels, units, d_kernel, d_recurrent_kernel);
      add_parts(slots.candidate, has_masks() ? rows_ : reset_, channels, units, d_kernel,
                d_recurrent_kernel);
    }
    for (Index panel = 0; panel < layer().shape.panels(); ++panel) {
      const float* const d = tape_.slots + panel * total() * slots.slots * kLanes;
      add_biases(layer(), slots.input, d, total(), panel, d_bias);
      if (layer().cell == SEGUE_GRU) {
        add_biases(layer(), slots.hidden, d, total(), panel, d_bias + 3 * units);
      }
    }
  }

 private:
  static constexpr Index kRowsOfBack = 64, kRowsOfWeights = 256;

  const TrainedLayer& layer() const { return layout_.layer; }
  Index total() const { return tape_.steps.total; }
  bool has_masks() const { return tape_.has_masks; }
  static Index sums_row(Index columns) { return TrainedLayer::odd_lines(columns); }
  void multiply(const TileProduct& product) const { tiles_->multiply(product); }

  static void add_row(const float* from, const float* mask, Index count, float* to) {
    for (Index i = 0; i < count; i += kLanes) {
      Vector more = load_row(from, i, count);
      if (mask) more = more * load_row(mask, i, count);
      store_row(to, load_row(to, i, count) + more, i, count);
    }
  }

  // Floats for the sums of a step or of gradients, and operands of the latter.
  Index space_size() const {
    const Index inputs = whole_tiles(layer().shape.channels + layer().shape.units, kTileColumns);
    const Index of_step = whole_tiles(tape_.steps.n, kTileRows) * sums_row(layout_.count * layout_.width);
    const Index of_back = kRowsOfBack * sums_row(inputs);
    const Index of_gates = layer().slots.slots * layout_.width;
    const Index of_weights = TileLayout::floats(kRowsOfWeights * inputs) +
                             TileLayout::floats(kRowsOfWeights * of_gates) + inputs * of_gates;
    const Index most = of_step > of_back ? of_step : of_back;
    return most > of_weights ? most : of_weights;
  }

  // The rows [x | h] that a gate's weights are multiplied by, from the shard's `row` on.
  Bfloat16* operand(Bfloat16* rows, Index gate, Index row) const {
    return rows + ((has_masks() ? gate * total() : 0) + row) * layout_.row;
  }

  void take(TiledStep& step, Index active, Index first, Index end) const {
    const bool is_reset = first > 0 && !has_masks();
    Bfloat16* const rows = is_reset ? reset_ : rows_;
    const Index of_gates = has_masks() ? layout_.products[end - 1].gate + 1 - first : 1;
    for (Index gate = first; gate < first + of_gates; ++gate) {
      const Index row = (has_masks() ? gate * total() : 0) + step.row;
      const float* const from = is_reset ? tape_.reset : tape_.operands();
      tiles_->narrow({from + row * layer().stride, layer().stride, active, layer().shape.depth(),
                      operand(rows, gate, step.row), layout_.row, layout_.row});
    }
    step.sums = space_, step.sums_row = sums_row(layout_.count * layout_.width);
    step.sums_gate = layout_.width;
    for (Index i = first, next; i < end; i = next) {
      const GateProduct& product = layout_.products[i];
      for (next = i + 1; next < end && !has_masks(); ++next) {
        const GateProduct& other = layout_.products[next];
        if (other.first != product.first || other.depth != product.depth) break;
      }
      multiply({operand(rows, product.gate, step.row) + product.first, layout_.row, kTileDepth,
                kTileRows * layout_.row, packed_ + layout_.of_product[i], layout_.tile_size(i),
                tiles_of(active, kTileRows), (next - i) * layout_.width / kTileColumns,
                tiles_of(product.depth, kTileDepth), space_ + (i - first) * layout_.width,
                step.sums_row, false});
    }
  }

  // Of some gates' weights of `columns` elements of the rows from `first` on: with masks gate by
  // gate, each with its own rows.
  void add_parts(const Gates& gates, Bfloat16* rows, Index first, Index columns, float* d_kernel,
                 float* d_recurrent_kernel) const {
    for (Index i = 0; i < gates.count && has_masks(); ++i) {
      add_part({gates.slot + i, 1, {gates.gate[i]}}, operand(rows, gates.gate[i], 0), first,
               columns, d_kernel, d_recurrent_kernel);
    }
    if (gates.count > 0 && !has_masks()) {
      add_part(gates, rows, first, columns, d_kernel, d_recurrent_kernel);
    }
  }

  void add_part(const Gates& gates, const Bfloat16* rows, Index first, Index columns,
                float* d_kernel, float* d_recurrent_kernel) const {
    const Index inputs = tiles_of(columns, kTileColumns), stride = gates.count * layout_.width;
    float* const sums = space_;
    Bfloat16* const a = reinterpret_cast<Bfloat16*>(sums + inputs * kTileColumns * stride);
    Bfloat16* const b = a + inputs * kTileColumns * kRowsOfWeights;
    for (Index row = 0; row < total(); row += kRowsOfWeights) {
      const Index count = total() - row < kRowsOfWeights ? total() - row : kRowsOfWeights;
      const Index blocks = tiles_of(count, kTileDepth), tile = blocks * kTileSize;
      pack_rows<true>(rows + row * layout_.row + first, layout_.row, count, inputs, a, tile);
      pack_rows<false>(gates_ + row * layout_.gates_row + gates.slot * layout_.width,
                       layout_.gates_row, count, stride / kTileColumns, b, tile);
      multiply({a, kTileDepth, kTileSize, tile, b, tile, inputs, stride / kTileColumns, blocks,
                sums, stride, row > 0});
    }
    const Index channels = layer().shape.channels, units = layer().shape.units;
    for (Index c = 0; c < columns && total() > 0; ++c) {
      const Index k = first + c, columns_of_kernel = layer().gates * units;
      float* const to = k < channels ? d_kernel + k * columns_of_kernel
                                     : d_recurrent_kernel + (k - channels) * columns_of_kernel;
      for (Index g = 0; g < gates.count; ++g) {
        add_row(sums + c * stride + g * layout_.width, nullptr, units, to + gates.gate[g] * units);
      }
    }
  }

  const Tiles* const tiles_;
  const TileLayout& layout_;
  const Tape& tape_;
  const Bfloat16* const packed_;
  Bfloat16 *rows_ = nullptr, *reset_ = nullptr, *gates_ = nullptr;
  float* space_ = nullptr;
  Index size_ = 0;
};

SEGUE_END
