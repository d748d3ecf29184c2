#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace dashcap {

// Starts writes and tells when they are done: io_uring (kernel document io_uring.rst, liburing(7)), or plain pwrite
// where the system doesn't allow it. One thread.
class DiskWriter {
 public:
  // At most `capacity` writes in flight.
  static Result<DiskWriter> Create(unsigned capacity);
  ~DiskWriter();
  DiskWriter(DiskWriter&&) noexcept;
  DiskWriter& operator=(DiskWriter&&) noexcept;

  // The bytes must stay until the write is done. Requires: in_flight() < capacity.
  void Start(int fd, uint64_t offset, std::span<const uint8_t> bytes, uint64_t tag);

  struct Done {
    uint64_t tag = 0;
    int64_t result = 0;  // bytes written, or -errno
  };
  // What is done by now; waits for the first one if asked to and any is in flight.
  enum class Wait { kNo, kForOne };
  std::vector<Done> Collect(Wait wait);

  unsigned in_flight() const { return in_flight_; }

 private:
  struct Ring;
  explicit DiskWriter(std::unique_ptr<Ring> ring);
  std::unique_ptr<Ring> ring_;  // empty: pwrite
  std::vector<Done> done_;      // of pwrite
  unsigned in_flight_ = 0;
};

}  // namespace dashcap
