#include "threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <numeric>
#include <thread>
#include <vector>

namespace segue {

bool run_parallel(Index count, Index threads, Index work, bool (*task)(void*, Index),
                  void* context) {
  threads = std::min({threads, count, work / kWorkOfThread});
  std::atomic<Index> next{0};
  std::atomic<bool> done{true};
  const auto take = [&] {
    for (Index i = next++; i < count; i = next++) {
      if (!task(context, i)) done = false;
    }
  };
  std::vector<std::thread> others;
  try {
    for (Index i = 1; i < threads; ++i) others.emplace_back(take);
  } catch (const std::exception&) {  // no more threads: those that there are do the work
  }
  take();
  for (std::thread& other : others) other.join();
  return done;
}

void sort_by_length(const Index* offsets, Index n, Index* order) {
  std::iota(order, order + n, Index{0});
  std::stable_sort(order, order + n, [offsets](Index a, Index b) {
    return offsets[a + 1] - offsets[a] > offsets[b + 1] - offsets[b];
  });
}

}  // namespace segue
