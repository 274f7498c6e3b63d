// What all paths share, compiled for any processor: threads, and the order of sequences.
#pragma once

#include <cstdint>

namespace segue {

using Index = std::int64_t;

// Fewer multiplications than this are not worth a thread: half a millisecond.
constexpr Index kWorkOfThread = 20'000'000;

// Calls task(context, i) for each i below `count`, in up to `threads` threads, where there is
// `work` for them. False where a task returned false: for want of memory.
//
// Threads live for one call, so that there are none when a process forks.
bool run_parallel(Index count, Index threads, Index work, bool (*task)(void*, Index),
                  void* context);

// The numbers of the sequences, the longest first, those of one length in their order.
void sort_by_length(const Index* offsets, Index n, Index* order);

}  // namespace segue
