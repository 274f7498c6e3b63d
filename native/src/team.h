// Threads that go through the same phases together.
#pragma once

#include <atomic>
#include <cstdint>

namespace segue {

using Index = std::int64_t;

class Team {
 public:
  explicit Team(Index size) : size_(size) {}

  Index size() const { return size_; }
  // Returns when all threads of the team have called it. It turns for a while before it lets
  // others run: phases are short.
  void wait();

 private:
  const Index size_;
  std::atomic<Index> waiting_{0};
  std::atomic<std::uint32_t> phase_{0};
};

// Numbers of tasks, for threads to take until there are none left.
class Tasks {
 public:
  void restart();
  Index take();

 private:
  std::atomic<Index> next_{0};
};

// Set by any of the threads, and read by all after the next phase.
class Flag {
 public:
  void set();
  bool is_set() const;

 private:
  std::atomic<bool> value_{false};
};

// Calls task(context, team, i) in a thread for each i below the team's size, which is `threads`, or
// fewer where the system has no more.
void run_team(Index threads, void (*task)(void*, Team&, Index), void* context);

// Seconds of a clock that does not go back.
double seconds_now();

}  // namespace segue
