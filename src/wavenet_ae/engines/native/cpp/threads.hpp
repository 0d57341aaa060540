// Team of threads that compute one sample together.
//
// They wait for each other about forty times per sample, so they spin. A thread that has spun for
// longer than the work takes goes to sleep, because the one that it waits for may need this core.
// If much time is lost that way over several runs, because other programs keep the cores busy, one
// thread does the work of all for a while.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "memory.hpp"

constexpr int SPINS = 2000;  // about 50 us
// Lost time that makes one thread work alone: fraction of all time, and seconds.
constexpr double MOST_LOST = 0.25, LEAST_LOST = 2e-2;
constexpr double REMEMBERED = 0.1;  // seconds of work after which old times count half
constexpr int RUNS_UNTIL_ALL = 64;  // runs after which all threads are tried again

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Barrier: each thread counts its arrivals, in a cache line of its own, and waits until all have
// counted as many. Between arriving and waiting, it may do work that no other thread waits for.
class Barrier {
 public:
  explicit Barrier(int size) : counts(new Count[size]) {}

  // Resets the counts of the first `size` threads, while no thread uses the barrier.
  void reset(int size) {
    for (int thread = 0; thread < size; thread++) counts[thread].value = 0;
  }

  void arrive(int thread) {
    counts[thread].value.fetch_add(1);
    counts[thread].value.notify_all();
  }

  // Waits for the first `size` threads; returns the seconds that this thread slept.
  double wait(int thread, int size) {
    const uint32_t mine = counts[thread].value.load(std::memory_order_relaxed);
    double slept = 0;
    for (int other = 0; other < size; other++)
      if (other != thread) slept += wait_for(counts[other].value, mine);
    return slept;
  }

 private:
  struct alignas(LINE) Count {
    std::atomic<uint32_t> value{0};
  };

  static double wait_for(const std::atomic<uint32_t>& count, uint32_t least) {
    uint32_t seen;
    const auto is_behind = [&] {
      seen = count.load(std::memory_order_acquire);
      return int32_t(seen - least) < 0;  // counts wrap around at 2^32
    };
    for (int spin = 0; spin < SPINS; spin++) {
      if (!is_behind()) return 0;
      relax();
    }
    const double since = seconds();
    while (is_behind()) count.wait(seen);  // until it has changed
    return seconds() - since;
  }

  std::unique_ptr<Count[]> counts;
};

// Thread 0 is the one that calls `run`; the others sleep in between.
class ThreadTeam {
 public:
  // Starts at most `most` threads in total, fewer if the system allows no more.
  explicit ThreadTeam(int most) : barrier(most), workers(started(most)) {}

  ~ThreadTeam() {
    task = nullptr;
    begin();
    for (auto& worker : workers) worker.join();
  }

  int size() const { return int(workers.size()) + 1; }

  // Calls `each` in every active thread with its number; returns when all are done.
  void run(const std::function<void(int)>& each) {
    if (num_active < size() && ++runs_with_fewer == RUNS_UNTIL_ALL) num_active = size();
    since = seconds();
    if (num_active > 1) {
      barrier.reset(size());
      task = &each;
      num_working = size() - 1;
      begin();
    }
    each(0);
    while (const int left = num_working) num_working.wait(left);
    if (num_active > 1) remember(seconds() - since);
  }

  // Number of threads that share the work. It may drop whenever all have met.
  int active() const { return num_active; }

  void arrive(int thread, int active) {
    if (active > 1) barrier.arrive(thread);
  }

  void wait(int thread, int active) {
    if (active == 1) return;
    const double slept = barrier.wait(thread, active);
    if (thread == 0) lost += slept;
  }

  void meet(int thread, int active) {
    arrive(thread, active);
    wait(thread, active);
  }

  // Called by thread 0 before all meet: continues alone if waiting loses too much time.
  void reconsider() {
    if (num_active == 1 || lost < LEAST_LOST) return;
    if (lost < MOST_LOST * (worked + seconds() - since)) return;
    num_active = 1;
    runs_with_fewer = 0;
    worked = lost = 0;
  }

 private:
  std::vector<std::thread> started(int most) {
    std::vector<std::thread> threads;
    try {
      threads.reserve(most);
      for (int thread = 1; thread < most; thread++)
        threads.emplace_back([this, thread] { work(thread); });
    } catch (const std::system_error&) {  // the system allows no more
    }
    return threads;
  }

  // Adds the time of a run; older times count less and less.
  void remember(double run) {
    worked += run;
    if (worked < REMEMBERED) return;
    worked /= 2;
    lost /= 2;
  }

  void begin() {
    round.fetch_add(1);
    round.notify_all();
  }

  void work(int thread) {
    for (uint32_t done = 0;; done++) {
      round.wait(done);
      if (!task) return;
      (*task)(thread);
      if (num_working.fetch_sub(1) == 1) num_working.notify_all();
    }
  }

  int runs_with_fewer = 0;
  double since = 0;   // when this run began
  double worked = 0;  // seconds of the runs before it
  double lost = 0;    // seconds that thread 0 slept, including this run
  Barrier barrier;
  std::atomic<uint32_t> round{0};
  std::atomic<int> num_working{0};
  const std::function<void(int)>* task = nullptr;
  std::vector<std::thread> workers;
  int num_active = size();
};
