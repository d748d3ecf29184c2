#include "daemon/af_packet_source.h"

#include <linux/if_packet.h>
#include <poll.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "daemon/af_packet_capture.h"
#include "daemon/cpu_binding.h"
#include "daemon/link_watch.h"
#include "daemon/ring_packet.h"

namespace dashcap {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Longer than the kernel keeps a part-filled block, so that what came in before is delivered before.
constexpr auto kReopenInterval = std::chrono::milliseconds(500);
constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

class AfPacketSource final : public CaptureSource {
 public:
  AfPacketSource(AfPacketOptions options, std::optional<FanoutGroups> groups, LinkQuery query, bool counts_nic_drops)
      : options_(std::move(options)),
        groups_(groups),
        watch_(options_.interface, std::move(query)),
        counts_nic_drops_(counts_nic_drops) {}

  Status Open() {
    auto capture = AfPacketCapture::Open(options_, groups_, options_.filter);
    if (capture) {
      Use(std::move(*capture));
      return {};
    }
    if (capture.error().kind != ErrorKind::kUnavailable) return Fail(capture.error());
    NoteDown(capture.error().message);
    AddInterface(LinkType::kEthernet);
    return {};
  }

  Status Begin() { return capture_ ? capture_->Begin() : Status(); }

  const std::vector<Interface>& interfaces() const override { return interfaces_; }

  Result<Outcome> Poll(std::chrono::milliseconds timeout, const std::function<void(const Packet&)>& deliver) override {
    if (ChangeFilter()) return Outcome::kChanged;
    if (!capture_) {
      std::this_thread::sleep_for(timeout);
      Reopen();
      return Outcome::kMore;
    }
    PacketRing& ring = capture_->ring();
    tpacket3_hdr* record = ring.Next();
    if (!record && Wait(timeout)) record = ring.Next();
    if (!record && down_) {
      Reopen();  // perhaps with another ring
      return Outcome::kMore;
    }
    // Not more than one round, so that the caller gets to its other duties under load.
    const uint64_t last_block = ring.blocks_read() + ring.block_count();
    for (; record; record = ring.blocks_read() < last_block ? ring.Next() : nullptr) {
      Deliver(*record, deliver);
      if (++passed_ == filter_changes_at_) break;
    }
    return Outcome::kMore;
  }

  std::vector<InterfaceCounts> Counts() override {
    watch_.Look();
    Count();
    return counts_;
  }

  bool LinkDown() const override { return down_; }

  Status SetFilter(const std::string& text) override {
    if (options_.lock_filter)
      return Fail(ErrorKind::kInvalidInput, Name() + ": the filter is locked, so that a new one needs a restart");
    if (capture_) {
      auto compiled = capture_->Compile(text);
      if (!compiled) return Fail(compiled.error());
      wanted_compiled_ = std::move(*compiled);
    }
    wanted_filter_ = text;
    return {};
  }

 private:
  std::string Name() const { return "interface " + options_.interface; }

  void Use(std::unique_ptr<AfPacketCapture> capture) {
    capture_ = std::move(capture);
    passed_ = 0;
    filtered_here_ = 0;
    delivered_ = 0;
    watch_.Follow(counts_nic_drops_ ? capture_->interface_index() : 0);
    if (interfaces_.empty() || interfaces_.back().link_type != capture_->link_type())
      AddInterface(capture_->link_type());
    before_ = counts_.back();
  }

  void AddInterface(LinkType link_type) {
    interfaces_.push_back({options_.interface, "", options_.filter, link_type, options_.snap_length});
    counts_.emplace_back();
  }

  bool Wait(std::chrono::milliseconds timeout) {
    pollfd events{capture_->socket().fd(), POLLIN, 0};
    if (::poll(&events, 1, static_cast<int>(timeout.count())) <= 0) return false;
    if ((events.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0)
      NoteDown(SystemError(Name(), capture_->socket().TakeError()).message);
    return true;
  }

  void Deliver(tpacket3_hdr& record, const std::function<void(const Packet&)>& deliver) {
    auto packet = MakePacket(record, capture_->link_type(), options_.snap_length, capture_->filter_here());
    if (!packet) {
      filtered_here_++;
      return;
    }
    packet->interface_id = static_cast<uint32_t>(interfaces_.size() - 1);
    delivered_++;
    deliver(*packet);
  }

  void Count() {
    InterfaceCounts& counts = counts_.back();
    counts.dropped_nic += watch_.TakeNicDrops();
    if (!capture_) return;
    const AfPacketCapture::Counts& kernel = capture_->Count();
    counts.received = before_.received + kernel.accepted + kernel.rejected;
    counts.dropped_kernel = before_.dropped_kernel + kernel.dropped;
    counts.filtered = before_.filtered + kernel.rejected + filtered_here_;
    counts.delivered = before_.delivered + delivered_;
  }

  // Puts on a filter that is wanted. True when all that the one before let in is delivered: from here on the interface
  // says the new one.
  bool ChangeFilter() {
    if (filter_changes_at_ == kNever && wanted_filter_) {
      filter_changes_at_ = PutOnFilter();
      wanted_filter_.reset();
    }
    if (passed_ < filter_changes_at_) return false;
    filter_changes_at_ = kNever;
    if (capture_) capture_->TakeUpFilter();
    interfaces_.back().filter = options_.filter;
    LogInfo("{}: the filter is now \"{}\"", Name(), options_.filter);
    return true;
  }

  // Gives the number of packets that the one before let in.
  uint64_t PutOnFilter() {
    uint64_t let_in = passed_;
    if (capture_) {
      auto change = capture_->SetFilter(std::move(wanted_compiled_));
      if (!change) {
        LogError("{}; the filter stays as it is", change.error().message);
        return kNever;
      }
      let_in = *change;
    }
    options_.filter = *wanted_filter_;
    return let_in;
  }

  void NoteDown(const std::string& reason) {
    if (!down_) LogWarning("{}; waiting for it", reason);
    down_ = true;
    next_reopen_ = SteadyClock::now() + kReopenInterval;
  }

  // A link that went down keeps its index, and its ring goes on when it is up; one that was made anew needs a new ring.
  void Reopen() {
    const auto now = SteadyClock::now();
    if (now < next_reopen_) return;
    next_reopen_ = now + kReopenInterval;
    const bool same = capture_ && watch_.LinkOf(capture_->interface_index()) != LinkWatch::Link::kGone;
    if (same && watch_.LinkOf(capture_->interface_index()) == LinkWatch::Link::kDown) return;
    if (!same && !Replace()) return;
    down_ = false;
    LogInfo("{}: recording again", Name());
  }

  // The old socket goes first: a group is of one interface, so the new one has no place before the last old member is
  // gone.
  bool Replace() {
    Count();
    before_ = counts_.back();
    capture_.reset();
    if (filter_changes_at_ != kNever) filter_changes_at_ = 0;  // whatever the one before let in is delivered
    auto capture = AfPacketCapture::Open(options_, groups_, options_.filter);
    const Status begun = capture ? (*capture)->Begin() : Fail(capture.error());
    if (!begun) {
      LogDebug("{}", begun.error().message);
      return false;
    }
    Use(std::move(*capture));
    return true;
  }

  AfPacketOptions options_;
  const std::optional<FanoutGroups> groups_;
  LinkWatch watch_;
  const bool counts_nic_drops_;               // of the lanes of an interface only one does
  std::unique_ptr<AfPacketCapture> capture_;  // none while the interface is away
  std::vector<Interface> interfaces_;         // another one when the link type changes; the last is recorded

  uint64_t passed_ = 0;                  // packets of capture_
  uint64_t filter_changes_at_ = kNever;  // of those
  std::optional<std::string> wanted_filter_;
  PacketFilter wanted_compiled_;

  std::vector<InterfaceCounts> counts_;  // by interface
  InterfaceCounts before_;               // of the last one, when capture_ began
  uint64_t filtered_here_ = 0;           // since then
  uint64_t delivered_ = 0;

  bool down_ = false;
  SteadyClock::time_point next_reopen_;
};

std::optional<uint32_t> CpuOf(const AfPacketOptions& options, size_t lane) {
  if (options.cpus.empty()) return std::nullopt;
  return options.cpus[lane % options.cpus.size()];
}

Result<std::optional<FanoutGroups>> ReserveGroups(const AfPacketOptions& options) {
  if (options.lanes == 1) return std::optional<FanoutGroups>();
  if (options.interface == kAllInterfaces)
    return Fail(ErrorKind::kInvalidInput, "interface any: several lanes are of one interface only");
  auto packets = ReserveFanoutGroup();
  if (!packets) return Fail(packets.error());
  auto arrivals = ReserveFanoutGroup();
  if (!arrivals) return Fail(arrivals.error());
  return std::optional<FanoutGroups>({*packets, *arrivals});
}

}  // namespace

Result<std::vector<std::unique_ptr<CaptureSource>>> OpenAfPacket(const AfPacketOptions& options) {
  auto groups = ReserveGroups(options);
  if (!groups) return Fail(groups.error());
  std::vector<std::unique_ptr<AfPacketSource>> lanes;
  while (lanes.size() < options.lanes) {
    auto query = LinkQuery::Open();
    if (!query) return Fail(query.error());
    const TemporaryBinding near(CpuOf(options, lanes.size()));
    lanes.push_back(std::make_unique<AfPacketSource>(options, *groups, std::move(*query), lanes.empty()));
    if (Status status = lanes.back()->Open(); !status) return Fail(status.error());
  }
  // Not before all are there, so that no flow changes its lane.
  std::vector<std::unique_ptr<CaptureSource>> sources;
  for (auto& lane : lanes) {
    if (Status status = lane->Begin(); !status) return Fail(status.error());
    sources.push_back(std::move(lane));
  }
  return sources;
}

}  // namespace dashcap
