#include "daemon/lane.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "daemon/cpu_binding.h"

namespace dashcap {
namespace {

constexpr auto kPollTimeout = std::chrono::milliseconds(50);
constexpr auto kHousekeepingInterval = std::chrono::milliseconds(50);
// What is still in a ring when the recorder is told to stop is there within the kernel's block timeout.
constexpr auto kDrainTime = std::chrono::milliseconds(250);
// A packet waits in a ring for at most the kernel's block timeout, and for the kernel's own delays.
constexpr auto kRingLatency = std::chrono::milliseconds(200);

Lane::Settings CountingWaits(Lane::Settings settings, std::atomic<uint64_t>& rounds) {
  settings.options.on_waiting_for_room = [&rounds] { rounds++; };
  return settings;
}

}  // namespace

Lane::Lane(Settings settings, std::unique_ptr<CaptureSource> source, LaneEventQueue& queue)
    : settings_(CountingWaits(std::move(settings), rounds_)),
      source_(std::move(source)),
      feed_(queue),
      writers_(settings_.options, {[this](LaneEvent event) { feed_.Send(std::move(event)); },
                                   [this](const std::string& directory, const RecoveryReport& report) {
                                     NoteRecovery(directory, report);
                                   }}) {
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

std::vector<Gap> Lane::TakeGaps() {
  MutexLock lock(mutex_);
  return std::exchange(gaps_, {});
}

void Lane::NoteRecovery(const std::string& directory, const RecoveryReport& report) {
  {
    MutexLock lock(mutex_);
    for (const Gap& gap : report.gaps) AddGap(gaps_, gap);
    status_.last_recovered = std::max(status_.last_recovered, report.last_packet);
  }
  settings_.on_recovered(directory, report);
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
  delivered_until_ = Now();
  Account(delivered_until_);
  Complain(writers_.Finish());
  Account(Now());
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
  const Timestamp before = Now();
  const Timestamp last_packet = last_packet_;
  auto outcome = source_->Poll(timeout, [this](const Packet& packet) { Store(packet); });
  delivered_until_ = last_packet_ == last_packet ? before - kRingLatency : last_packet_;
  if (outcome && *outcome == CaptureSource::Outcome::kChanged) {
    Complain(writers_.SetInterfaces(source_->interfaces()));
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
      unplaced_packets_++;
      watch_.Lost(interfaces[packet.interface_id].name, 1, packet.timestamp, packet.timestamp);
      return Complain(status);
    }
    known_interfaces_ = interfaces.size();
  }
  last_packet_ = packet.timestamp;
  Complain(writers_.Append(packet));
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
  const Timestamp wall_clock = Now();
  Account(wall_clock);
  Complain(writers_.Tick(wall_clock));
  if (rotate_.exchange(false)) Complain(writers_.Rotate());
  ChangeFilter();
  PublishStatus(false);
}

void Lane::Account(Timestamp now) {
  const std::vector<Interface>& interfaces = source_->interfaces();
  counts_ = source_->Counts();
  counts_.resize(known_interfaces_);
  for (uint32_t id = 0; id < known_interfaces_; id++) {
    counts_[id].lost = writers_.CountsOf(id).lost_in_all();
    writers_.SetCounts(id, counts_[id]);
  }
  watch_.Look(now, interfaces, counts_, source_->LinkDown());
  for (const LostPackets& lost : writers_.TakeLost())
    watch_.Lost(interfaces[lost.interface_id].name, lost.packets, lost.first, lost.last);
  LookWhetherItWorksAgain();
  const std::vector<Gap> gaps = watch_.TakeGaps();
  if (gaps.empty()) return;
  MutexLock lock(mutex_);
  for (const Gap& gap : gaps) AddGap(gaps_, gap);
}

// One line is enough to say that the disk refuses, and one that it has changed its mind: when packets are stored again,
// and none is lost.
void Lane::Complain(const Status& status) {
  if (status || std::exchange(complaining_, true)) return;
  LogError("{}: {}; packets are lost until it works again", settings_.name, status.error().message);
}

void Lane::LookWhetherItWorksAgain() {
  const PacketCounts packets = writers_.counts().packets;
  const bool works = packets.stored > seen_.stored && packets.lost_in_all() == seen_.lost_in_all();
  seen_ = packets;
  if (!works || !std::exchange(complaining_, false)) return;
  LogInfo("{}: recording again", settings_.name);
}

void Lane::PublishStatus(bool ended) {
  std::vector<LaneStatus::OfInterface> interfaces;
  for (uint32_t id = 0; id < counts_.size(); id++)
    interfaces.push_back({source_->interfaces()[id].name, counts_[id], writers_.CountsOf(id)});
  const std::optional<Timestamp> unwritten = writers_.oldest_unwritten();
  MutexLock lock(mutex_);
  status_.interfaces = std::move(interfaces);
  status_.complete_until = std::min(delivered_until_, unwritten.value_or(kMaxTimestamp));
  status_.written = writers_.counts();
  status_.unplaced_packets = unplaced_packets_;
  status_.files_skipped = feed_.files_skipped();
  status_.last_packet = last_packet_;
  status_.ended = ended;
  status_.failure = failure_;
}

}  // namespace dashcap
