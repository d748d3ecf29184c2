#include "daemon/af_packet_source.h"

#include <arpa/inet.h>
#include <net/if.h>

// After net/if.h, which declares the same as linux/if.h and yields to it only in this order.
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <utility>

#include "base/byte_order.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "daemon/packet_filter.h"

namespace dashcap {
namespace {

constexpr uint32_t kRingBlockSize = 1 << 20;
constexpr uint32_t kFrameSize = 2048;  // only has to divide the block; TPACKET_V3 packs packets of any size
constexpr uint32_t kRetireMilliseconds = 100;
constexpr size_t kVlanTagSize = 4;
constexpr size_t kMacsSize = 12;
constexpr auto kReopenInterval = std::chrono::seconds(1);

// The kernel's mapping of a ring.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  Mapping(Mapping&& other) noexcept : address_(std::exchange(other.address_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping() {
    if (address_) ::munmap(address_, size_);
  }
  uint8_t* data() const { return static_cast<uint8_t*>(address_); }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

template <class T>
Status SetOption(int fd, int level, int option, const T& value, const std::string& what) {
  if (::setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return Fail(SystemError(what));
}

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

bool IsLoopback(int fd, const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  return ::ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_LOOPBACK) != 0;
}

class AfPacketSource final : public CaptureSource {
 public:
  explicit AfPacketSource(AfPacketOptions options) : options_(std::move(options)) {}

  Status Open() {
    if (options_.interface.empty() || options_.interface.size() >= IFNAMSIZ) {
      return Fail(ErrorKind::kInvalidInput, "interface \"" + options_.interface + "\": no such device");
    }
    auto ring = OpenRing();
    if (!ring) return Fail(ring.error());
    ring_ = std::move(*ring);
    interfaces_ = {{options_.interface, "", options_.filter, ring_.link_type, options_.snap_length}};
    return {};
  }

  const std::vector<Interface>& interfaces() const override { return interfaces_; }

  Result<Outcome> Poll(std::chrono::milliseconds timeout, const std::function<void(const Packet&)>& deliver) override {
    if (gone_) Reopen();
    if (!CurrentBlockReady() && !WaitForBlock(timeout)) return Outcome::kMore;
    // Not more than one round, so that the caller gets to its other duties under load.
    for (size_t i = 0; i < ring_.block_count && CurrentBlockReady(); i++) ReadBlock(deliver);
    return Outcome::kMore;
  }

  std::vector<InterfaceCounts> Counts() override {
    AddStatistics();
    return {counts_};
  }

 private:
  struct Ring {
    FileDescriptor socket;
    Mapping mapping;
    size_t block_count = 0;
    unsigned interface_index = 0;
    LinkType link_type = LinkType::kEthernet;
    PacketFilter filter;
    bool filter_here = false;  // the program is longer than the kernel takes
  };

  // Everything is in place before the socket is bound: not one packet comes in unfiltered.
  Result<Ring> OpenRing() const {
    const std::string name = "interface " + options_.interface;
    Ring ring;
    ring.interface_index = ::if_nametoindex(options_.interface.c_str());
    if (ring.interface_index == 0) return Fail(SystemError(name));
    ring.socket = FileDescriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (!ring.socket.valid()) {
      Error error = SystemError(name + ": capture");
      if (error.kind == ErrorKind::kPermissionDenied) error.message += "; run as root or with CAP_NET_RAW";
      return Fail(error);
    }
    auto link_type = LinkTypeOf(ring.socket.get(), options_.interface);
    if (!link_type) return Fail(link_type.error());
    ring.link_type = *link_type;
    if (Status status = AttachFilter(ring); !status) return Fail(status.error());
    if (Status status = MapRing(ring); !status) return Fail(status.error());
    if (Status status = Bind(ring); !status) return Fail(status.error());
    return ring;
  }

  Status AttachFilter(Ring& ring) const {
    auto filter = PacketFilter::Compile(options_.filter, options_.interface, ring.link_type, options_.snap_length);
    if (!filter) return Fail(filter.error());
    ring.filter = std::move(*filter);
    ring.filter_here = !ring.filter.FitsKernel();
    sock_filter cut = PacketFilter::CutTo(options_.snap_length);
    sock_fprog program{1, &cut};
    if (!ring.filter_here) {
      program.len = static_cast<unsigned short>(ring.filter.program().size());
      program.filter = const_cast<sock_filter*>(ring.filter.program().data());
    }
    return SetOption(ring.socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, program,
                     "attach filter to " + options_.interface);
  }

  Status MapRing(Ring& ring) const {
    const int fd = ring.socket.get();
    const std::string what = "ring of " + options_.interface;
    if (Status status = SetOption(fd, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}, what); !status) return status;
    // Room in front of each packet, for the VLAN tag.
    if (Status status = SetOption(fd, SOL_PACKET, PACKET_RESERVE, int{kVlanTagSize}, what); !status) return status;
    tpacket_req3 request{};
    request.tp_block_size = kRingBlockSize;
    request.tp_block_nr = static_cast<unsigned>(std::max<uint64_t>(options_.ring_bytes / kRingBlockSize, 2));
    request.tp_frame_size = kFrameSize;
    request.tp_frame_nr = request.tp_block_nr * (kRingBlockSize / kFrameSize);
    request.tp_retire_blk_tov = kRetireMilliseconds;
    if (Status status = SetOption(fd, SOL_PACKET, PACKET_RX_RING, request,
                                  what + " of " + std::to_string(options_.ring_bytes) + " bytes");
        !status) {
      return status;
    }
    const size_t size = size_t{request.tp_block_size} * request.tp_block_nr;
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (address == MAP_FAILED) return Fail(SystemError("map " + what));
    ring.mapping = Mapping(address, size);
    ring.block_count = request.tp_block_nr;
    return {};
  }

  Status Bind(const Ring& ring) const {
    const int fd = ring.socket.get();
    const std::string name = "interface " + options_.interface;
    // What goes out of loopback comes in again.
    if (IsLoopback(fd, options_.interface)) {
      if (Status status = SetOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, int{1}, name); !status) return status;
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(ring.interface_index);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Fail(SystemError(name));
    if (!options_.promiscuous) return {};
    packet_mreq membership{};
    membership.mr_ifindex = address.sll_ifindex;
    membership.mr_type = PACKET_MR_PROMISC;
    return SetOption(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, name + ": promiscuous mode");
  }

  tpacket_block_desc* CurrentBlock() const {
    return reinterpret_cast<tpacket_block_desc*>(ring_.mapping.data() + current_ * kRingBlockSize);
  }

  bool CurrentBlockReady() const {
    const std::atomic_ref<uint32_t> status(CurrentBlock()->hdr.bh1.block_status);
    return (status.load(std::memory_order_acquire) & TP_STATUS_USER) != 0;
  }

  bool WaitForBlock(std::chrono::milliseconds timeout) {
    pollfd events{ring_.socket.get(), POLLIN, 0};
    if (::poll(&events, 1, static_cast<int>(timeout.count())) <= 0) return false;
    if ((events.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0) NoteTrouble();
    return CurrentBlockReady();
  }

  void ReadBlock(const std::function<void(const Packet&)>& deliver) {
    tpacket_block_desc* block = CurrentBlock();
    const tpacket_hdr_v1& header = block->hdr.bh1;
    uint8_t* at = reinterpret_cast<uint8_t*>(block) + header.offset_to_first_pkt;
    for (uint32_t i = 0; i < header.num_pkts; i++) {
      auto* packet = reinterpret_cast<tpacket3_hdr*>(at);
      at += packet->tp_next_offset;
      __builtin_prefetch(at);
      Deliver(*packet, deliver);
    }
    const std::atomic_ref<uint32_t> status(block->hdr.bh1.block_status);
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
    current_ = (current_ + 1) % ring_.block_count;
  }

  void Deliver(tpacket3_hdr& header, const std::function<void(const Packet&)>& deliver) {
    uint8_t* bytes = reinterpret_cast<uint8_t*>(&header) + header.tp_mac;
    size_t captured = header.tp_snaplen;
    uint32_t original = header.tp_len;
    if (ring_.filter_here && !ring_.filter.Accepts({bytes, captured}, original)) {
      counts_.filtered++;
      return;
    }
    if ((header.tp_status & TP_STATUS_VLAN_VALID) != 0 && captured >= kMacsSize &&
        ring_.link_type == LinkType::kEthernet) {
      bytes = InsertVlanTag(header, bytes);
      captured = std::min<size_t>(captured + kVlanTagSize, options_.snap_length);
      original += kVlanTagSize;
    }
    Packet packet;
    packet.timestamp = Timestamp(std::chrono::seconds(header.tp_sec) + Nanoseconds(header.tp_nsec));
    packet.original_length = original;
    packet.link_type = ring_.link_type;
    packet.bytes = {bytes, captured};
    counts_.stored++;
    deliver(packet);
  }

  // Moves the MAC addresses to the front, into the reserved room. Gives the packet's new start.
  static uint8_t* InsertVlanTag(const tpacket3_hdr& header, uint8_t* bytes) {
    uint8_t* start = bytes - kVlanTagSize;
    std::memmove(start, bytes, kMacsSize);
    const bool tpid_known = (header.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    StoreBig16(start + kMacsSize, tpid_known ? header.hv1.tp_vlan_tpid : uint16_t{ETH_P_8021Q});
    StoreBig16(start + kMacsSize + 2, static_cast<uint16_t>(header.hv1.tp_vlan_tci));
    return start;
  }

  // The kernel's counters start again from zero each time they are read.
  void AddStatistics() {
    tpacket_stats_v3 statistics{};
    socklen_t size = sizeof statistics;
    if (::getsockopt(ring_.socket.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) return;
    counts_.received += statistics.tp_packets;
    counts_.dropped_kernel += statistics.tp_drops;
  }

  void NoteTrouble() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(ring_.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    LogWarning("{}; waiting for it", SystemError("interface " + options_.interface, error).message);
    gone_ = true;
  }

  // A link that went down keeps its index, and its ring goes on when it is up; one that was made anew needs a new ring.
  void Reopen() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_reopen_) return;
    next_reopen_ = now + kReopenInterval;
    const unsigned index = ::if_nametoindex(options_.interface.c_str());
    if (index == 0) return;
    if (index == ring_.interface_index) {
      ifreq request{};
      options_.interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
      const bool up = ::ioctl(ring_.socket.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
      if (!up) return;
    } else {
      auto ring = OpenRing();
      if (!ring || ring->link_type != ring_.link_type) return;
      AddStatistics();
      ring_ = std::move(*ring);
      current_ = 0;
    }
    gone_ = false;
    LogInfo("interface {}: recording again", options_.interface);
  }

  const AfPacketOptions options_;
  Ring ring_;
  size_t current_ = 0;  // block
  std::vector<Interface> interfaces_;
  InterfaceCounts counts_;
  bool gone_ = false;
  std::chrono::steady_clock::time_point next_reopen_;
};

}  // namespace

Result<std::unique_ptr<CaptureSource>> OpenAfPacket(AfPacketOptions options) {
  auto source = std::make_unique<AfPacketSource>(std::move(options));
  if (Status status = source->Open(); !status) return Fail(status.error());
  return source;
}

}  // namespace dashcap
