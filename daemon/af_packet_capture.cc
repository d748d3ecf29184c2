#include "daemon/af_packet_capture.h"

#include <net/if.h>

// After net/if.h, which declares the same as linux/if.h and yields to it only in this order.
#include <linux/if_packet.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "daemon/hardware_timestamps.h"
#include "daemon/ring_packet.h"

namespace dashcap {

Result<std::unique_ptr<AfPacketCapture>> AfPacketCapture::Open(const AfPacketOptions& options,
                                                               std::optional<FanoutGroups> groups,
                                                               const std::string& filter) {
  auto compiler = FilterCompiler::Open(options.interface);
  if (!compiler) return Fail(compiler.error());
  std::unique_ptr<AfPacketCapture> capture(new AfPacketCapture(options, std::move(*compiler)));
  if (options.interface != kAllInterfaces) {
    capture->interface_index_ = ::if_nametoindex(options.interface.c_str());
    if (capture->interface_index_ == 0) return Fail(SystemError("interface " + options.interface));
  }
  auto compiled = capture->compiler_.Compile(filter);
  if (!compiled) return Fail(compiled.error());
  capture->filter_ = std::move(*compiled);
  capture->groups_ = groups;
  capture->fanout_ = options.fanout;
  capture->fanout_.ethernet = capture->link_type() == LinkType::kEthernet;
  if (Status status = capture->CountArrivals(); !status) return Fail(status.error());
  if (Status status = capture->OpenSocket(); !status) return Fail(status.error());
  return capture;
}

Status AfPacketCapture::OpenSocket() {
  auto socket = PacketSocket::Open(options_.interface);
  if (!socket) return Fail(socket.error());
  socket_ = std::move(*socket);
  const sock_filter nothing = PacketFilter::RejectAll();
  if (Status status = socket_.Attach({&nothing, 1}); !status) return status;
  if (options_.hardware_timestamps) {
    if (Status status = UseHardwareTimestamps(socket_, options_.interface); !status) return status;
  }
  RingOptions ring = options_.ring;
  ring.headroom = kRingHeadroom;
  auto mapped = PacketRing::Map(socket_.fd(), ring, socket_.name());
  if (!mapped) return Fail(mapped.error());
  ring_ = std::move(*mapped);
  if (options_.direction == PacketFilter::Direction::kIn) {
    if (Status status = socket_.Set(PACKET_IGNORE_OUTGOING, int{1}, "ignore outgoing"); !status) return status;
  }
  if (Status status = socket_.Bind(interface_index_); !status) return status;
  if (options_.promiscuous && interface_index_ != 0) {
    if (Status status = socket_.SetPromiscuous(interface_index_); !status) return status;
  }
  return groups_ ? JoinFanout(socket_, groups_->packets, fanout_) : Status();
}

bool AfPacketCapture::KernelFilters() const {
  return !filter_.accepts_all() && !filter_.KernelProgram(options_.snap_length, options_.direction).empty();
}

Status AfPacketCapture::CountArrivals() {
  if (arrivals_ || !KernelFilters()) return {};
  std::optional<uint16_t> group;
  if (groups_) group = groups_->arrivals;
  auto counter = ArrivalCounter::Open(options_.interface, interface_index_, options_.direction, group, fanout_);
  if (!counter) return Fail(counter.error());
  arrivals_ = std::move(*counter);
  arrived_ = 0;
  accepted_of_those_ = 0;
  return {};
}

Status AfPacketCapture::Begin() {
  if (arrivals_) arrivals_->Take();
  if (Status status = Attach(); !status) return status;
  TakeUpFilter();
  return options_.lock_filter ? socket_.LockFilter() : Status();
}

void AfPacketCapture::TakeUpFilter() {
  if (!next_filter_here_) return;
  filter_here_ = std::move(*next_filter_here_);
  next_filter_here_.reset();
}

// In the kernel when it takes the filter, else here. The kernel has limits on length and memory.
Status AfPacketCapture::Attach() {
  std::string reason = "it is too long";
  const std::vector<sock_filter> program = filter_.KernelProgram(options_.snap_length, options_.direction);
  if (!program.empty()) {
    Status attached = socket_.Attach(program);
    if (attached) {
      next_filter_here_ = nullptr;  // there is none
      return attached;
    }
    if (!filter_.runs_here()) return attached;
    reason = attached.error().message;
  }
  if (!filter_.runs_here()) return Fail(ErrorKind::kInvalidInput, socket_.name() + ": filter: " + reason);
  if (!cooked()) LogInfo("{}: the filter runs here and not in the kernel: {}", socket_.name(), reason);
  next_filter_here_ = std::make_unique<const PacketFilter>(filter_);
  return socket_.Attach(PacketFilter::AcceptingProgram(options_.snap_length, options_.direction));
}

Result<uint64_t> AfPacketCapture::SetFilter(PacketFilter filter) {
  TakeUpFilter();
  Count();
  PacketFilter before = std::exchange(filter_, std::move(filter));
  const bool counted_before = arrivals_.has_value();
  Status status = CountArrivals();
  if (!counted_before && arrivals_) {
    // What came while the counter was being made is none of its business. In this order a packet that comes just now is
    // counted twice rather than not at all.
    arrivals_->Take();
    TakeStatistics();
  }
  if (status) status = Attach();
  if (!status) {
    filter_ = std::move(before);
    return Fail(status.error());
  }
  Count();
  if (arrivals_ && (!KernelFilters() || *next_filter_here_)) {
    // Once more, so that here too a packet is counted twice rather than not at all.
    arrived_ += arrivals_->Take();
    CountRejected();
    rejected_before_ = counts_.rejected;
    arrivals_.reset();
  }
  return counts_.accepted - counts_.dropped;
}

const AfPacketCapture::Counts& AfPacketCapture::Count() {
  // What is counted as arrived has been judged by then, so that the difference is never more than was rejected.
  if (arrivals_) arrived_ += arrivals_->Take();
  const uint64_t accepted = TakeStatistics();
  if (!arrivals_) return counts_;
  accepted_of_those_ += accepted;
  CountRejected();
  return counts_;
}

// Gives the number of packets accepted since the last time.
uint64_t AfPacketCapture::TakeStatistics() {
  const PacketSocket::Statistics statistics = socket_.TakeStatistics();
  counts_.accepted += statistics.packets;
  counts_.dropped += statistics.drops;
  counts_.freezes += statistics.freezes;
  return statistics.packets;
}

void AfPacketCapture::CountRejected() {
  if (arrived_ > accepted_of_those_)
    counts_.rejected = std::max(counts_.rejected, rejected_before_ + arrived_ - accepted_of_those_);
}

}  // namespace dashcap
