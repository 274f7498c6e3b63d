// A shard of a batch: the sequences that go through the network together, in one thread.
#pragma once

#include <new>

#include "../include/segue.h"
#include "memory.h"
#include "steps.h"

SEGUE_BEGIN

// Memory that is taken piece by piece, and given back all at once. `take` returns null where there
// is none; what it returns is not cleared.
class Arena {
 public:
  Arena() = default;
  ~Arena() { release(store_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void use(segue_store* store) { store_ = store; }

  float* take(Index count) {
    const Index size = (count + kLine - 1) / kLine * kLine;
    if (block_ == nullptr || used_ + size > block_->size) {
      if (!grow(size)) return nullptr;
    }
    float* const taken = block_->data + used_;
    used_ += size, taken_ += size;
    return taken;
  }
  float* zeros(Index count) {
    float* const taken = take(count);
    if (taken) std::memset(taken, 0, sizeof(float) * count);
    return taken;
  }
  Index* indices(Index count) {  // a float is half of an index
    return reinterpret_cast<Index*>(take(2 * count));
  }

  // The most bytes that were taken at once.
  Index bytes() const { return static_cast<Index>(sizeof(float)) * (taken_ < most_ ? most_ : taken_); }

  // Everything may be taken again: from one block, if there were several.
  void reset() {
    if (block_ && block_->before) {
      Index total = 0;
      for (Block* b = block_; b; b = b->before) total += b->size;
      release(nullptr);  // what is too small for the next call, too
      grow(total);
    }
    if (most_ < taken_) most_ = taken_;
    used_ = taken_ = 0;
  }

 private:
  static constexpr Index kLine = 16, kLeast = 1 << 15;
  struct Block {
    Block* before;
    float* data;
    Index size;
  };

  bool grow(Index size) {
    if (size < kLeast) size = kLeast;
    void* const memory = take_memory(store_, sizeof(Block) + sizeof(float) * (size + kLine));
    if (memory == nullptr) return false;
    const auto free = reinterpret_cast<std::uintptr_t>(memory) + sizeof(Block);
    const std::uintptr_t line = sizeof(float) * kLine;
    block_ = new (memory) Block{block_, reinterpret_cast<float*>((free + line - 1) / line * line), size};
    used_ = 0;
    return true;
  }
  void release(segue_store* store) {
    while (block_) {
      Block* const before = block_->before;
      give_memory(store, block_);
      block_ = before;
    }
  }

  segue_store* store_ = nullptr;
  Block* block_ = nullptr;
  Index used_ = 0, taken_ = 0, most_ = 0;
};

// What a layer takes and gives: a row for every step of the shard, or one for each sequence.
struct Signal {
  float* values;
  Index features;
  bool is_sequence;
};

// One step; of a single feature without a call.
inline void copy_features(const float* from, Index features, float* to) {
  if (features == 1) {
    *to = *from;
  } else {
    std::memcpy(to, from, sizeof(float) * features);
  }
}

// What a layer keeps of its forward pass for its backward pass.
struct Kept {
  Signal x;
  float* parts[6];
};

struct Shard {
  Arena& arena;
  Steps steps;
  const Index* numbers;  // [n] of the sequences, in the examples
  const Index* places;   // [n] of the sequences, in the batch
  Index longest;         // steps of the longest sequence of the batch
  Index batch;           // its number within the epoch
  bool trains;           // with dropout, and for a backward pass
  const std::uint64_t* keys;
  const std::int32_t* tokens;  // [total], where the network takes them
  float* gradients;            // as the first of the weights, without embeddings

  Index rows(const Signal& signal) const { return signal.is_sequence ? steps.total : steps.n; }

  // Cuts out the sequences batch[first], ... batch[end - 1]: sorted by length.
  bool cut(const Index* sequences, Index first, Index end, const Index* offsets) {
    const Index n = end - first;
    Index* const order = arena.indices(n);
    Index* const chosen = arena.indices(n);
    Index* const length = arena.indices(n);
    Index* const ends = arena.indices(n + 1);
    if (!order || !chosen || !length || !ends) return false;
    ends[0] = 0;
    for (Index i = 0; i < n; ++i) {
      const Index s = sequences[first + i];
      ends[i + 1] = ends[i] + offsets[s + 1] - offsets[s];
    }
    sort_by_length(ends, n, order);
    for (Index i = 0; i < n; ++i) {
      chosen[i] = sequences[first + order[i]];
      length[i] = offsets[chosen[i] + 1] - offsets[chosen[i]];
      order[i] += first;
    }
    numbers = chosen, places = order;
    const Index count = length[0];
    Index* const active = arena.indices(count);
    Index* const start = arena.indices(count + 1);
    if (!active || !start) return false;
    Index running = n;
    start[0] = 0;
    for (Index t = 0; t < count; ++t) {
      while (length[running - 1] <= t) --running;
      active[t] = running;
      start[t + 1] = start[t] + running;
    }
    steps = Steps{n, count, start[count], active, start, length};
    return true;
  }
};

SEGUE_END
