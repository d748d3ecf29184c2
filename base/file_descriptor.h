#pragma once

#include <fcntl.h>

#include <string>
#include <utility>

#include "base/result.h"

namespace dashcap {

// Owns one descriptor. Moving hands it over; destruction closes it.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Closes now. The error of close() is reported because it can be the only report of a failed write.
  Status Close();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC. The error names the path.
Result<FileDescriptor> OpenFile(const std::string& path, int flags, mode_t mode = 0640);

}  // namespace dashcap
