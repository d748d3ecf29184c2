#include "query/cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace dashcap {

Result<Output> Output::Open(const std::string& path, bool binary) {
  Output output;
  if (!path.empty() && path != "-") {
    auto file = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return Fail(file.error());
    output.name_ = path;
    output.file_ = std::move(*file);
    return output;
  }
  if (binary && ::isatty(STDOUT_FILENO) == 1) {
    return Fail(ErrorKind::kInvalidInput,
                "packets don't go onto a terminal: use -w FILE, a pipe (-w - | tcpdump -r -), or --format json");
  }
  output.name_ = "standard output";
  output.file_ = FileDescriptor(::dup(STDOUT_FILENO));
  return output;
}

Status Output::Write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(SystemError("write " + name_));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status Output::Close() {
  Status status = file_.Close();
  if (!status) return Fail(status.error().kind, name_ + ": " + status.error().message);
  return status;
}

}  // namespace dashcap
