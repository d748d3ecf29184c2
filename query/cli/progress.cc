#include "query/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace dashcap {
namespace {

constexpr auto kSilence = std::chrono::seconds(1);
constexpr auto kInterval = std::chrono::milliseconds(200);
constexpr char kClearLine[] = "\r\033[K";

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      terminal_(::isatty(STDERR_FILENO) == 1),
      begun_(std::chrono::steady_clock::now()),
      shown_(begun_) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "{}", kClearLine);
}

void Progress::Show(const std::string& object, uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - begun_ < kSilence || now - shown_ < kInterval) return;
  shown_ = now;
  drawn_ = true;
  const uint64_t percent = total == 0 ? 0 : done * 100 / total;
  fmt::print(stderr, "{}{} {}: {} of {} MiB ({} %)", kClearLine, what_, object, done >> 20, total >> 20, percent);
  std::fflush(stderr);
}

}  // namespace dashcap
