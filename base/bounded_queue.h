#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/mutex.h"

namespace dashcap {

// Moves work from one thread to another. Holds at most `capacity` items; the producer never waits, the consumer may.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // False, and `item` stays with the caller, when the queue is full.
  bool TryPush(T& item) {
    {
      MutexLock lock(mutex_);
      if (items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }

  // Waits for an item. After a stop was requested it still hands out what is queued, then nullopt.
  std::optional<T> Pop(std::stop_token stop) DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
    mutex_.lock();
    ready_.wait(mutex_, stop,
                [this]() DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) { return !items_.empty(); });
    return TakeAndUnlock();
  }

  // As Pop, but also gives up at the deadline.
  template <class Clock, class Duration>
  std::optional<T> PopUntil(std::stop_token stop, std::chrono::time_point<Clock, Duration> deadline)
      DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
    mutex_.lock();
    ready_.wait_until(mutex_, stop, deadline,
                      [this]() DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) { return !items_.empty(); });
    return TakeAndUnlock();
  }

 private:
  std::optional<T> TakeAndUnlock() DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
    std::optional<T> item;
    if (!items_.empty()) {
      item = std::move(items_.front());
      items_.pop_front();
    }
    mutex_.unlock();
    return item;
  }

  const size_t capacity_;
  Mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<T> items_ DASHCAP_GUARDED_BY(mutex_);
};

}  // namespace dashcap
