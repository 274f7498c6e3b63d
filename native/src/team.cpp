#include "team.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace segue {

namespace {

constexpr int kTurns = 2000;  // some microseconds

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#endif
}

}  // namespace

void Team::wait() {
  if (size_ == 1) return;
  const std::uint32_t phase = phase_.load(std::memory_order_acquire);
  if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    waiting_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    return;
  }
  for (int turn = 0; phase_.load(std::memory_order_acquire) == phase; ++turn) {
    if (turn < kTurns) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void Tasks::restart() { next_.store(0, std::memory_order_relaxed); }
void Flag::set() { value_.store(true, std::memory_order_relaxed); }
bool Flag::is_set() const { return value_.load(std::memory_order_relaxed); }
Index Tasks::take() { return next_.fetch_add(1, std::memory_order_relaxed); }

void run_team(Index threads, void (*task)(void*, Team&, Index), void* context) {
  // The size must be known before the first phase: so the others wait until all have begun.
  std::mutex mutex;
  std::condition_variable begun;
  Team* team = nullptr;
  std::vector<std::thread> others;
  try {
    for (Index i = 1; i < threads; ++i) {
      others.emplace_back([&, i] {
        {
          std::unique_lock<std::mutex> lock(mutex);
          begun.wait(lock, [&] { return team != nullptr; });
        }
        task(context, *team, i);
      });
    }
  } catch (const std::exception&) {  // no more threads: those that there are do the work
  }
  Team whole(static_cast<Index>(others.size()) + 1);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    team = &whole;
  }
  begun.notify_all();
  task(context, whole, 0);
  for (std::thread& other : others) other.join();
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace segue
