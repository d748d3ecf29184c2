#include "daemon/file_source.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "packet/capture_reader.h"

namespace dashcap {
namespace {

using SteadyClock = std::chrono::steady_clock;

class FileSource final : public CaptureSource {
 public:
  FileSource(std::unique_ptr<CaptureReader> reader, Pace pace) : reader_(std::move(reader)), pace_(pace) {}

  const std::vector<Interface>& interfaces() const override { return reader_->interfaces(); }

  Result<Outcome> Poll(std::chrono::milliseconds timeout, const std::function<void(const Packet&)>& deliver) override {
    constexpr int kAtOnce = 1000;
    const auto until = SteadyClock::now() + timeout;
    for (int i = 0; i < kAtOnce; i++) {
      if (!waiting_) {
        auto next = reader_->Next();
        if (!next) return Fail(next.error());
        if (!*next) return Outcome::kEnded;
        waiting_ = **next;
      }
      if (pace_ == Pace::kRecorded && !WaitUntilDue(*waiting_, until)) return Outcome::kMore;
      counts_.resize(interfaces().size());
      counts_[waiting_->interface_id].received++;
      counts_[waiting_->interface_id].delivered++;
      deliver(*waiting_);
      waiting_.reset();
    }
    return Outcome::kMore;
  }

  std::vector<InterfaceCounts> Counts() override { return counts_; }

 private:
  bool WaitUntilDue(const Packet& packet, SteadyClock::time_point until) {
    if (!first_time_) {
      first_time_ = packet.timestamp;
      begun_ = SteadyClock::now();
    }
    const auto due = begun_ + std::max(packet.timestamp - *first_time_, Nanoseconds(0));
    std::this_thread::sleep_until(std::min(due, until));
    return due <= until;
  }

  std::unique_ptr<CaptureReader> reader_;
  const Pace pace_;
  std::optional<Packet> waiting_;  // read, and not due yet
  std::optional<Timestamp> first_time_;
  SteadyClock::time_point begun_;
  std::vector<InterfaceCounts> counts_;
};

}  // namespace

Result<std::unique_ptr<CaptureSource>> OpenFileSource(const std::string& path, Pace pace) {
  auto reader = OpenCapture(path);
  if (!reader) return Fail(reader.error());
  return std::make_unique<FileSource>(std::move(*reader), pace);
}

}  // namespace dashcap
