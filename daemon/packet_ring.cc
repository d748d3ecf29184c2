#include "daemon/packet_ring.h"

#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <string>

namespace dashcap {
namespace {

constexpr uint32_t kFrameSize = 2048;  // only has to divide the block; TPACKET_V3 packs packets of any size
constexpr uint64_t kFewestBlocks = 2;

}  // namespace

Result<PacketRing> PacketRing::Map(int socket, const RingOptions& options, const std::string& name) {
  const int version = TPACKET_V3;
  if (::setsockopt(socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0)
    return Fail(SystemError(name + ": TPACKET_V3"));
  if (::setsockopt(socket, SOL_PACKET, PACKET_RESERVE, &options.headroom, sizeof options.headroom) != 0)
    return Fail(SystemError(name + ": room in front of packets"));
  tpacket_req3 request{};
  request.tp_block_size = options.block_bytes;
  request.tp_block_nr = static_cast<unsigned>(std::max(options.bytes / options.block_bytes, kFewestBlocks));
  request.tp_frame_size = kFrameSize;
  request.tp_frame_nr = request.tp_block_nr * (options.block_bytes / kFrameSize);
  request.tp_retire_blk_tov = static_cast<unsigned>(options.block_timeout.count());
  const size_t size = size_t{request.tp_block_size} * request.tp_block_nr;
  if (::setsockopt(socket, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
    return Fail(SystemError(name + ": ring of " + std::to_string(size) + " bytes"));
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, 0);
  if (memory == MAP_FAILED) return Fail(SystemError(name + ": map the ring"));
  PacketRing ring;
  ring.memory_ = static_cast<uint8_t*>(memory);
  ring.block_bytes_ = request.tp_block_size;
  ring.block_count_ = request.tp_block_nr;
  return ring;
}

PacketRing& PacketRing::operator=(PacketRing&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(block_bytes_, other.block_bytes_);
  std::swap(block_count_, other.block_count_);
  std::swap(current_, other.current_);
  std::swap(entered_, other.entered_);
  std::swap(left_, other.left_);
  std::swap(at_, other.at_);
  std::swap(blocks_read_, other.blocks_read_);
  return *this;
}

PacketRing::~PacketRing() {
  if (memory_) ::munmap(memory_, block_bytes_ * block_count_);
}

tpacket_block_desc* PacketRing::CurrentBlock() const {
  return reinterpret_cast<tpacket_block_desc*>(memory_ + current_ * block_bytes_);
}

bool PacketRing::EnterBlock() {
  while (true) {
    if (entered_) ReleaseBlock();
    tpacket_hdr_v1& header = CurrentBlock()->hdr.bh1;
    const std::atomic_ref<uint32_t> status(header.block_status);
    if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return false;
    entered_ = true;
    left_ = header.num_pkts;
    at_ = reinterpret_cast<uint8_t*>(CurrentBlock()) + header.offset_to_first_pkt;
    if (left_ > 0) return true;
  }
}

tpacket3_hdr* PacketRing::Advance() {
  auto* packet = reinterpret_cast<tpacket3_hdr*>(at_);
  at_ += packet->tp_next_offset;
  __builtin_prefetch(at_);
  if (--left_ == 0) blocks_read_++;
  return packet;
}

void PacketRing::ReleaseBlock() {
  const std::atomic_ref<uint32_t> status(CurrentBlock()->hdr.bh1.block_status);
  status.store(TP_STATUS_KERNEL, std::memory_order_release);
  current_ = (current_ + 1) % block_count_;
  entered_ = false;
}

}  // namespace dashcap
