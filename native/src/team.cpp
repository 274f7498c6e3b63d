#include "team.h"

#include <chrono>
#include <exception>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace segue {

namespace {

constexpr int kTurns = 2000;  // some microseconds

// What a thread does that waits: at first it keeps its processor, since tasks are short.
void rest(int& turn) {
  if (turn >= kTurns) {
    std::this_thread::yield();
    return;
  }
  ++turn;
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#endif
}

}  // namespace

struct Team::Others {
  std::vector<std::thread> threads;
};

Team::Team(Index size) {
  if (size <= 1) return;
  try {
    others_ = new Others;
    others_->threads.reserve(size - 1);
    for (Index i = 1; i < size; ++i) others_->threads.emplace_back([this, i] { help(i); });
  } catch (const std::exception&) {  // no more threads: those that there are do the work
  }
}

Team::~Team() {
  if (others_ == nullptr) return;
  is_over_.store(true, std::memory_order_release);
  for (std::thread& other : others_->threads) other.join();
  delete others_;
}

void Team::run(Index count, Task task, void* context) {
  if (others_ == nullptr) {
    for (Index i = 0; i < count; ++i) task(context, i, 0);
    return;
  }
  task_ = task, context_ = context;
  done_.store(0, std::memory_order_relaxed);
  left_.store(static_cast<std::uint64_t>(count), std::memory_order_release);
  while (take(0)) {
  }
  for (int turn = 0; done_.load(std::memory_order_acquire) != count;) rest(turn);
}

// Does a task, if there is one left.
bool Team::take(Index thread) {
  std::uint64_t left = left_.load(std::memory_order_acquire), rest_of_it, taken;
  do {
    const std::uint64_t first = left >> 32, end = left & 0xffffffff;
    if (first == end) return false;
    taken = thread == 0 ? first : end - 1;
    rest_of_it = thread == 0 ? (first + 1) << 32 | end : first << 32 | taken;
  } while (!left_.compare_exchange_weak(left, rest_of_it, std::memory_order_acq_rel,
                                        std::memory_order_acquire));
  task_(context_, static_cast<Index>(taken), thread);
  done_.fetch_add(1, std::memory_order_release);
  return true;
}

void Team::help(Index thread) {
  for (int turn = 0; !is_over_.load(std::memory_order_acquire);) {
    if (take(thread)) turn = 0;
    rest(turn);
  }
}

Flag::Flag() : value_(false) {}
void Flag::set() { value_.store(true, std::memory_order_relaxed); }
bool Flag::is_set() const { return value_.load(std::memory_order_relaxed); }

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace segue
