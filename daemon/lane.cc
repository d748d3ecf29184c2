#include "daemon/lane.h"

#include <pthread.h>

#include <utility>

#include "base/log.h"
#include "daemon/cpu_binding.h"

namespace dashcap {
namespace {

constexpr auto kPollTimeout = std::chrono::milliseconds(50);
constexpr auto kHousekeepingInterval = std::chrono::milliseconds(50);
constexpr auto kComplaintInterval = std::chrono::seconds(10);
// What is still in a ring when the recorder is told to stop is there within the kernel's block timeout.
constexpr auto kDrainTime = std::chrono::milliseconds(250);

Lane::Settings CountingWaits(Lane::Settings settings, std::atomic<uint64_t>& rounds) {
  settings.options.on_waiting_for_room = [&rounds] { rounds++; };
  return settings;
}

}  // namespace

Lane::Lane(Settings settings, std::unique_ptr<CaptureSource> source, LaneEventQueue& queue)
    : settings_(CountingWaits(std::move(settings), rounds_)),
      source_(std::move(source)),
      feed_(queue),
      writers_(settings_.options, {[this](LaneEvent event) { feed_.Send(std::move(event)); }, settings_.on_recovered}) {
  MutexLock lock(mutex_);
  status_.interface = settings_.name;
  status_.directory = settings_.options.directory;
}

Result<std::unique_ptr<Lane>> Lane::Open(Settings settings, std::unique_ptr<CaptureSource> source,
                                         LaneEventQueue& queue) {
  if (settings.cpu) {
    if (Status status = CheckCpu(*settings.cpu); !status) return Fail(status.error());
  }
  std::unique_ptr<Lane> lane(new Lane(std::move(settings), std::move(source), queue));
  const std::vector<Interface>& interfaces = lane->source_->interfaces();
  if (Status status = lane->writers_.SetInterfaces(interfaces); !status) return Fail(status.error());
  lane->known_interfaces_ = interfaces.size();
  return lane;
}

void Lane::Start() {
  thread_ = std::jthread([this](std::stop_token stop) { Run(std::move(stop)); });
}

void Lane::Join() {
  if (thread_.joinable()) thread_.join();
}

LaneStatus Lane::status() const {
  MutexLock lock(mutex_);
  LaneStatus status = status_;
  status.rounds = rounds_;
  return status;
}

void Lane::Run(std::stop_token stop) {
  ::pthread_setname_np(::pthread_self(), "lane");
  if (settings_.cpu) BindThreadTo(*settings_.cpu);
  bool more = true;
  while (more && !stop.stop_requested()) {
    more = PollOnce(kPollTimeout);
    Housekeep();
    rounds_++;
  }
  if (more) Drain();
  Report(writers_.Finish());
  while (!feed_.empty()) {
    feed_.Flush();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  PublishStatus(true);
}

void Lane::Drain() {
  const auto until = std::chrono::steady_clock::now() + kDrainTime;
  while (std::chrono::steady_clock::now() < until && PollOnce(std::chrono::milliseconds(20))) {
  }
}

// False at the end of the source.
bool Lane::PollOnce(std::chrono::milliseconds timeout) {
  auto outcome = source_->Poll(timeout, [this](const Packet& packet) { Store(packet); });
  if (outcome && *outcome == CaptureSource::Outcome::kChanged) {
    Report(writers_.SetInterfaces(source_->interfaces()));
    known_interfaces_ = source_->interfaces().size();
  }
  if (outcome) return *outcome != CaptureSource::Outcome::kEnded;
  failure_ = outcome.error().message;
  LogError("{}", failure_);
  return false;
}

void Lane::Store(const Packet& packet) {
  if (packet.interface_id >= known_interfaces_) {
    const std::vector<Interface>& interfaces = source_->interfaces();
    if (Status status = writers_.SetInterfaces(interfaces); !status) {
      lost_packets_++;
      return Report(status);
    }
    known_interfaces_ = interfaces.size();
  }
  last_packet_ = packet.timestamp;
  const Status stored = writers_.Append(packet);
  if (!stored) {
    lost_packets_++;
    Report(stored);
  }
}

void Lane::RequestFilter(std::string text) {
  MutexLock lock(mutex_);
  wanted_filter_ = std::move(text);
}

void Lane::ChangeFilter() {
  std::optional<std::string> wanted;
  {
    MutexLock lock(mutex_);
    wanted = std::exchange(wanted_filter_, std::nullopt);
  }
  if (!wanted) return;
  if (Status status = source_->SetFilter(*wanted); !status) LogError("{}", status.error().message);
}

void Lane::Housekeep() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_housekeeping_ < kHousekeepingInterval) return;
  last_housekeeping_ = now;
  feed_.Flush();
  const std::vector<InterfaceCounts> counts = source_->Counts();
  for (size_t id = 0; id < counts.size() && id < known_interfaces_; id++) {
    writers_.SetCounts(static_cast<uint32_t>(id), counts[id]);
  }
  Report(writers_.Tick(Now()));
  if (rotate_.exchange(false)) Report(writers_.Rotate());
  ChangeFilter();
  PublishStatus(false);
}

// One line now and then is enough to say that the disk refuses.
void Lane::Report(const Status& status) {
  if (status) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_complaint_ < kComplaintInterval) return;
  last_complaint_ = now;
  LogError("{}: {}", settings_.name, status.error().message);
}

void Lane::PublishStatus(bool ended) {
  InterfaceCounts sum;
  for (const InterfaceCounts& counts : source_->Counts()) {
    sum.received += counts.received;
    sum.dropped_kernel += counts.dropped_kernel;
    sum.dropped_nic += counts.dropped_nic;
    sum.stored += counts.stored;
    sum.filtered += counts.filtered;
  }
  MutexLock lock(mutex_);
  status_.counts = sum;
  status_.written = writers_.counts();
  status_.lost_packets = lost_packets_;
  status_.files_skipped = feed_.files_skipped();
  status_.last_packet = last_packet_;
  status_.ended = ended;
  status_.failure = failure_;
}

}  // namespace dashcap
