#include "packet/byte_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace dashcap {
namespace {

constexpr size_t kReadSize = size_t{256} << 10;

}  // namespace

Status ByteStream::Fill(size_t size) {
  std::copy(buffer_.begin() + begin_, buffer_.begin() + end_, buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  while (end_ < size && !at_end_) {
    if (buffer_.size() - end_ < kReadSize) buffer_.resize(std::max(2 * buffer_.size(), end_ + kReadSize));
    const ssize_t got = read(file_.get(), buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Fail(SystemError("read " + name_));
    }
    at_end_ = got == 0;
    end_ += static_cast<size_t>(got);
  }
  return {};
}

Result<bool> ByteStream::Skip(uint64_t size) {
  while (size > 0) {
    const Result<std::span<const uint8_t>> piece = Peek(std::min<uint64_t>(size, kReadSize));
    if (!piece) return Fail(piece.error());
    if (piece->empty()) return false;
    Consume(piece->size());
    size -= piece->size();
  }
  return true;
}

}  // namespace dashcap
