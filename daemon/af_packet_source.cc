#include "daemon/af_packet_source.h"

#include <net/if.h>

// After net/if.h, which declares the same as linux/if.h and yields to it only in this order.
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "daemon/packet_filter.h"
#include "daemon/packet_socket.h"
#include "daemon/vlan_tag.h"

namespace dashcap {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMacsSize = 12;
constexpr auto kReopenInterval = std::chrono::milliseconds(500);

Result<LinkType> LinkTypeOf(int fd, const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  if (::ioctl(fd, SIOCGIFHWADDR, &request) != 0) return Fail(SystemError("interface " + interface));
  switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return LinkType::kEthernet;
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
      return LinkType::kRaw;
    default:
      return Fail(ErrorKind::kInvalidInput, "interface " + interface + ": its link type (ARPHRD_ " +
                                                std::to_string(request.ifr_hwaddr.sa_family) +
                                                ") is not supported, expected Ethernet or raw IP");
  }
}

int FlagsOf(int fd, const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  return ::ioctl(fd, SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags : 0;
}

class AfPacketSource final : public CaptureSource {
 public:
  explicit AfPacketSource(AfPacketOptions options) : options_(std::move(options)) {
    options_.ring.headroom = kVlanTagSize;
  }

  // As a member of the group, or as the first of a new one. Nothing is received before Begin().
  Status Open(std::optional<uint16_t> group) {
    if (options_.interface.empty() || options_.interface.size() >= IFNAMSIZ) {
      return Fail(ErrorKind::kInvalidInput, "interface \"" + options_.interface + "\": no such device");
    }
    group_ = group;
    auto capture = OpenCapture();
    if (!capture) return Fail(capture.error());
    capture_ = std::move(*capture);
    interfaces_ = {{options_.interface, "", options_.filter, capture_->link_type, options_.snap_length}};
    return {};
  }
  Status Begin() { return AttachFilter(*capture_); }

  std::optional<uint16_t> group() const { return group_; }

  const std::vector<Interface>& interfaces() const override { return interfaces_; }

  Result<Outcome> Poll(std::chrono::milliseconds timeout, const std::function<void(const Packet&)>& deliver) override {
    if (gone_) Reopen();
    if (!capture_) {
      std::this_thread::sleep_for(timeout);
      return Outcome::kMore;
    }
    PacketRing& ring = capture_->ring;
    tpacket3_hdr* packet = ring.Next();
    if (!packet && Wait(timeout)) packet = ring.Next();
    // Not more than one round, so that the caller gets to its other duties under load.
    const uint64_t last_block = ring.blocks_read() + ring.block_count();
    for (; packet; packet = ring.blocks_read() < last_block ? ring.Next() : nullptr) Deliver(*packet, deliver);
    return Outcome::kMore;
  }

  std::vector<InterfaceCounts> Counts() override {
    AddStatistics();
    return {counts_};
  }

 private:
  struct Capture {
    PacketSocket socket;
    PacketRing ring;
    unsigned interface_index = 0;
    LinkType link_type = LinkType::kEthernet;
    PacketFilter filter;
    bool filter_here = false;  // the program is longer than the kernel takes
  };

  // Bound, and a member of its group, but rejecting everything: no packet comes in unfiltered, or to several members.
  Result<std::unique_ptr<Capture>> OpenCapture() {
    auto capture = std::make_unique<Capture>();
    capture->interface_index = ::if_nametoindex(options_.interface.c_str());
    if (capture->interface_index == 0) return Fail(SystemError("interface " + options_.interface));
    auto socket = PacketSocket::Open(options_.interface);
    if (!socket) return Fail(socket.error());
    capture->socket = std::move(*socket);
    auto link_type = LinkTypeOf(capture->socket.fd(), options_.interface);
    if (!link_type) return Fail(link_type.error());
    capture->link_type = *link_type;
    if (Status status = CompileFilter(*capture); !status) return Fail(status.error());
    if (Status status = Bind(*capture); !status) return Fail(status.error());
    return capture;
  }

  Status CompileFilter(Capture& capture) const {
    auto filter = PacketFilter::Compile(options_.filter, options_.interface, capture.link_type, options_.snap_length);
    if (!filter) return Fail(filter.error());
    capture.filter = std::move(*filter);
    capture.filter_here = !capture.filter.FitsKernel();
    return {};
  }

  Status Bind(Capture& capture) {
    PacketSocket& socket = capture.socket;
    const sock_filter nothing = PacketFilter::RejectAll();
    if (Status status = socket.Attach({&nothing, 1}); !status) return status;
    auto ring = PacketRing::Map(socket.fd(), options_.ring, socket.name());
    if (!ring) return Fail(ring.error());
    capture.ring = std::move(*ring);
    if (IgnoresOutgoing(capture)) {
      if (Status status = socket.Set(PACKET_IGNORE_OUTGOING, int{1}, "ignore outgoing"); !status) return status;
    }
    if (Status status = socket.Bind(capture.interface_index); !status) return status;
    if (options_.promiscuous) {
      if (Status status = socket.SetPromiscuous(capture.interface_index); !status) return status;
    }
    return options_.lanes > 1 ? Join(capture) : Status();
  }

  Status Join(Capture& capture) {
    FanoutOptions options = options_.fanout;
    options.ethernet = capture.link_type == LinkType::kEthernet;
    if (group_) return JoinFanout(capture.socket, *group_, options);
    auto group = StartFanout(capture.socket, options);
    if (!group) return Fail(group.error());
    group_ = *group;
    return {};
  }

  // What goes out of loopback comes in again.
  bool IgnoresOutgoing(const Capture& capture) const {
    return (FlagsOf(capture.socket.fd(), options_.interface) & IFF_LOOPBACK) != 0;
  }

  Status AttachFilter(Capture& capture) const {
    std::vector<sock_filter> program;
    // The members of a group receive what goes out whatever the option on their own sockets says.
    if (IgnoresOutgoing(capture)) program = PacketFilter::RejectOutgoing();
    if (capture.filter_here) {
      program.push_back(PacketFilter::CutTo(options_.snap_length));
    } else {
      program.insert(program.end(), capture.filter.program().begin(), capture.filter.program().end());
    }
    return capture.socket.Attach(program);
  }

  bool Wait(std::chrono::milliseconds timeout) {
    pollfd events{capture_->socket.fd(), POLLIN, 0};
    if (::poll(&events, 1, static_cast<int>(timeout.count())) <= 0) return false;
    if ((events.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0) NoteTrouble();
    return true;
  }

  void Deliver(tpacket3_hdr& header, const std::function<void(const Packet&)>& deliver) {
    uint8_t* bytes = reinterpret_cast<uint8_t*>(&header) + header.tp_mac;
    size_t captured = header.tp_snaplen;
    uint32_t original = header.tp_len;
    if (capture_->filter_here && !capture_->filter.Accepts({bytes, captured}, original)) {
      counts_.filtered++;
      return;
    }
    if (HasStrippedTag(header) && captured >= kMacsSize && capture_->link_type == LinkType::kEthernet) {
      bytes = ReinsertTag(header, bytes);
      captured = std::min<size_t>(captured + kVlanTagSize, options_.snap_length);
      original += kVlanTagSize;
    }
    Packet packet;
    packet.timestamp = Timestamp(std::chrono::seconds(header.tp_sec) + Nanoseconds(header.tp_nsec));
    packet.original_length = original;
    packet.link_type = capture_->link_type;
    packet.bytes = {bytes, captured};
    counts_.stored++;
    deliver(packet);
  }

  void AddStatistics() {
    if (!capture_) return;
    const PacketSocket::Statistics statistics = capture_->socket.TakeStatistics();
    counts_.received += statistics.packets;
    counts_.dropped_kernel += statistics.drops;
  }

  void NoteTrouble() {
    const int error = capture_->socket.TakeError();
    if (!gone_) LogWarning("{}; waiting for it", SystemError(capture_->socket.name(), error).message);
    gone_ = true;
    next_reopen_ = SteadyClock::now() + kReopenInterval;
  }

  // A link that went down keeps its index, and its ring goes on when it is up; one that was made anew needs a new ring.
  void Reopen() {
    const auto now = SteadyClock::now();
    if (now < next_reopen_) return;
    next_reopen_ = now + kReopenInterval;
    const unsigned index = ::if_nametoindex(options_.interface.c_str());
    if (index == 0) return;
    if (capture_ && index == capture_->interface_index) {
      if ((FlagsOf(capture_->socket.fd(), options_.interface) & IFF_UP) == 0) return;
    } else if (!Replace()) {
      return;
    }
    gone_ = false;
    LogInfo("interface {}: recording again", options_.interface);
  }

  // The old socket goes first: a group is of one interface, so the new one has no place before the last old member is
  // gone.
  bool Replace() {
    AddStatistics();
    capture_.reset();
    auto capture = OpenCapture();
    if (!capture || (*capture)->link_type != interfaces_.front().link_type) return false;
    if (!AttachFilter(**capture)) return false;
    capture_ = std::move(*capture);
    return true;
  }

  AfPacketOptions options_;
  std::optional<uint16_t> group_;
  std::unique_ptr<Capture> capture_;  // none while the interface is away
  std::vector<Interface> interfaces_;
  InterfaceCounts counts_;
  bool gone_ = false;
  SteadyClock::time_point next_reopen_;
};

}  // namespace

Result<std::vector<std::unique_ptr<CaptureSource>>> OpenAfPacket(const AfPacketOptions& options) {
  std::vector<std::unique_ptr<AfPacketSource>> lanes;
  std::optional<uint16_t> group;
  while (lanes.size() < options.lanes) {
    auto lane = std::make_unique<AfPacketSource>(options);
    if (Status status = lane->Open(group); !status) return Fail(status.error());
    group = lane->group();
    lanes.push_back(std::move(lane));
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
