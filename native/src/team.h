// Threads that take tasks together.
#pragma once

#include <atomic>
#include <cstdint>

namespace segue {

using Index = std::int64_t;

// The thread that makes it, and others that are there until it ends. Nobody waits for a thread that
// has no processor: who has one takes the tasks.
class Team {
 public:
  // `thread` is a number below the size; it is 0 in the thread that has the team.
  using Task = void (*)(void* context, Index i, Index thread);

  // Of `size` threads, or fewer where the system has no more.
  explicit Team(Index size);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Calls task(context, i, thread) for each i below count, and returns when all are done. The thread
  // that has the team takes them from the first one on, the others from the last: so those of two
  // mostly find in their caches what they left there.
  void run(Index count, Task task, void* context);

 private:
  struct Others;

  bool take(Index thread);
  void help(Index thread);

  std::atomic<std::uint64_t> left_{0};  // tasks that nobody has taken: the first, and their end
  std::atomic<Index> done_{0};
  std::atomic<bool> is_over_{false};
  Task task_ = nullptr;
  void* context_ = nullptr;
  Others* others_ = nullptr;
};

// Set by any of the threads, and read when the tasks are done.
class Flag {
 public:
  Flag();
  void set();
  bool is_set() const;

 private:
  std::atomic<bool> value_;
};

// Seconds of a clock that does not go back.
double seconds_now();

}  // namespace segue
