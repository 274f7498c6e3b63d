// Scratch memory of one task.
#pragma once

#include <cstdlib>

#include "simd.h"
#include "store.h"
#include "threads.h"

SEGUE_BEGIN

// Zeros at addresses that are multiples of a cache line. `data` is null where there is no memory.
template <class T>
struct Scratch {
  explicit Scratch(Index count) : block(std::malloc(sizeof(T) * count + kLine)), data(nullptr) {
    if (block == nullptr) return;
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    data = reinterpret_cast<T*>((address + kLine - 1) / kLine * kLine);
    std::memset(static_cast<void*>(data), 0, sizeof(T) * count);
  }
  ~Scratch() { std::free(block); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  explicit operator bool() const { return data != nullptr; }

  static constexpr std::size_t kLine = 64;
  void* block;
  T* data;
};

// Memory that is made when its size is known, at an address as that of `Scratch`; not cleared.
template <class T>
class Memory {
 public:
  explicit Memory(segue_store* store = nullptr) : store_(store) {}
  ~Memory() { give_memory(store_, block_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // False where there is none.
  bool make(Index count) {
    constexpr std::size_t kLine = 64;
    block_ = take_memory(store_, sizeof(T) * count + kLine);
    const auto address = reinterpret_cast<std::uintptr_t>(block_);
    data = reinterpret_cast<T*>((address + kLine - 1) / kLine * kLine);
    return block_ != nullptr;
  }

  T* data = nullptr;

 private:
  segue_store* const store_;
  void* block_ = nullptr;
};

// run_parallel for a function object.
template <class Task>
bool parallel(Index count, Index threads, Index work, const Task& task) {
  return run_parallel(
      count, threads, work,
      [](void* context, Index i) { return (*static_cast<const Task*>(context))(i); },
      const_cast<void*>(static_cast<const void*>(&task)));
}

SEGUE_END
