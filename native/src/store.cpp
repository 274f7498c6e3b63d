#include "store.h"

#include <cstdlib>
#include <mutex>
#include <new>

namespace {

// In front of what is taken.
struct alignas(std::max_align_t) Block {
  Block* next;
  std::size_t bytes;
};

}  // namespace

struct segue_store {
  std::mutex mutex;
  Block* free = nullptr;
};

namespace segue {

void* take_memory(segue_store* store, std::size_t bytes) {
  if (store != nullptr) {
    const std::lock_guard<std::mutex> lock(store->mutex);
    Block** best = nullptr;
    for (Block** at = &store->free; *at != nullptr; at = &(*at)->next) {
      if ((*at)->bytes >= bytes && (best == nullptr || (*at)->bytes < (*best)->bytes)) best = at;
    }
    if (best != nullptr) {
      Block* const found = *best;
      *best = found->next;
      return found + 1;
    }
  }
  void* const memory = std::malloc(sizeof(Block) + bytes);
  return memory == nullptr ? nullptr : new (memory) Block{nullptr, bytes} + 1;
}

void give_memory(segue_store* store, void* taken) {
  if (taken == nullptr) return;
  Block* const block = static_cast<Block*>(taken) - 1;
  if (store == nullptr) return std::free(block);
  const std::lock_guard<std::mutex> lock(store->mutex);
  block->next = store->free;
  store->free = block;
}

}  // namespace segue

extern "C" {

segue_store* segue_store_new(void) { return new (std::nothrow) segue_store; }

void segue_store_free(segue_store* store) {
  if (store == nullptr) return;
  while (Block* const block = store->free) {
    store->free = block->next;
    std::free(block);
  }
  delete store;
}
}
