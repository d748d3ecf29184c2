#include "storage/disk_writer.h"

#include <liburing.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace dashcap {

struct DiskWriter::Ring {
  io_uring uring{};
  ~Ring() { io_uring_queue_exit(&uring); }
};

DiskWriter::DiskWriter(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}
DiskWriter::~DiskWriter() = default;
DiskWriter::DiskWriter(DiskWriter&&) noexcept = default;
DiskWriter& DiskWriter::operator=(DiskWriter&&) noexcept = default;

Result<DiskWriter> DiskWriter::Create(unsigned capacity) {
  io_uring uring{};
  const int error = -io_uring_queue_init(capacity, &uring, 0);
  if (error == 0) {
    auto ring = std::make_unique<Ring>();
    ring->uring = uring;
    return DiskWriter(std::move(ring));
  }
  if (error != ENOSYS && error != EPERM && error != EACCES) return Fail(SystemError("io_uring", error));
  LogWarning("io_uring is not allowed here; blocks are written one at a time");
  return DiskWriter(nullptr);
}

void DiskWriter::Start(int fd, uint64_t offset, std::span<const uint8_t> bytes, uint64_t tag) {
  in_flight_++;
  if (!ring_) {
    const ssize_t result = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    done_.push_back({tag, result < 0 ? -errno : result});
    return;
  }
  io_uring_sqe* entry = io_uring_get_sqe(&ring_->uring);
  assert(entry);  // each entry is submitted at once, so there is always one free
  io_uring_prep_write(entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
  io_uring_sqe_set_data64(entry, tag);
  const int submitted = io_uring_submit(&ring_->uring);
  if (submitted < 0) done_.push_back({tag, submitted});
}

std::vector<DiskWriter::Done> DiskWriter::Collect(Wait wait) {
  std::vector<Done> done = std::exchange(done_, {});
  if (ring_) {
    io_uring_cqe* entry = nullptr;
    if (wait == Wait::kForOne && done.empty() && in_flight_ > 0) {
      while (io_uring_wait_cqe(&ring_->uring, &entry) == -EINTR) {
      }
    }
    while (io_uring_peek_cqe(&ring_->uring, &entry) == 0) {
      done.push_back({io_uring_cqe_get_data64(entry), entry->res});
      io_uring_cqe_seen(&ring_->uring, entry);
    }
  }
  in_flight_ -= static_cast<unsigned>(done.size());
  return done;
}

}  // namespace dashcap
