#include "base/file_descriptor.h"

#include <unistd.h>

namespace dashcap {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Status FileDescriptor::Close() {
  if (fd_ < 0) return {};
  if (::close(std::exchange(fd_, -1)) != 0) return Fail(SystemError("close"));
  return {};
}

Result<FileDescriptor> OpenFile(const std::string& path, int flags, mode_t mode) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return Fail(SystemError("open " + path));
  return FileDescriptor(fd);
}

}  // namespace dashcap
