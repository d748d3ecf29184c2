#pragma once

#include <condition_variable>
#include <mutex>

// A mutex that clang's thread-safety analysis understands (clang.llvm.org/docs/ThreadSafetyAnalysis.html); with other
// compilers the annotations are empty. Mark what a mutex guards with DASHCAP_GUARDED_BY.
#if defined(__clang__)
#define DASHCAP_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define DASHCAP_THREAD_ANNOTATION(x)
#endif
#define DASHCAP_GUARDED_BY(m) DASHCAP_THREAD_ANNOTATION(guarded_by(m))
#define DASHCAP_REQUIRES(m) DASHCAP_THREAD_ANNOTATION(requires_capability(m))

namespace dashcap {

class DASHCAP_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() DASHCAP_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() DASHCAP_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class DASHCAP_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) DASHCAP_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() DASHCAP_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace dashcap
