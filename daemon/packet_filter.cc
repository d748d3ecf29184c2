#include "daemon/packet_filter.h"

#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>

#include <optional>
#include <utility>

#include "base/byte_order.h"

namespace dashcap {
namespace {

using Program = std::vector<sock_filter>;

sock_filter Load(int ancillary) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + ancillary)};
}

sock_filter Skip(uint8_t instructions, uint32_t unless) { return {BPF_JMP | BPF_JEQ | BPF_K, 0, instructions, unless}; }

// Goes on to the instruction behind it with what is not rejected.
Program RejectByDirection(PacketFilter::Direction direction) {
  using Direction = PacketFilter::Direction;
  const sock_filter reject = PacketFilter::RejectAll();
  const sock_filter load = Load(SKF_AD_PKTTYPE);
  if (direction == Direction::kIn) return {load, Skip(1, PACKET_OUTGOING), reject};
  if (direction == Direction::kOut) return {load, {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, PACKET_OUTGOING}, reject};
  return {load, Skip(3, PACKET_OUTGOING), Load(SKF_AD_HATYPE), Skip(1, ARPHRD_LOOPBACK), reject};
}

// Where Accepts() puts what the kernel has as ancillary data.
constexpr uint32_t kPacketTypeAt = 0;
constexpr uint32_t kTaggedAt = 4;
constexpr uint32_t kTciAt = 8;
static_assert(kTciAt + sizeof(uint32_t) == PacketFilter::kRoom);

std::optional<uint32_t> PlaceOf(uint32_t ancillary) {
  switch (static_cast<int32_t>(ancillary) - SKF_AD_OFF) {
    case SKF_AD_PKTTYPE:
      return kPacketTypeAt;
    case SKF_AD_VLAN_TAG_PRESENT:
      return kTaggedAt;
    case SKF_AD_VLAN_TAG:
      return kTciAt;
    default:
      return std::nullopt;
  }
}

// The program for a packet with kRoom bytes in front, in which the ancillary data are. Empty if it asks for others.
Program ForHere(const Program& program) {
  Program moved = program;
  for (sock_filter& instruction : moved) {
    const int mode = BPF_MODE(instruction.code);
    const bool loads = BPF_CLASS(instruction.code) == BPF_LD || BPF_CLASS(instruction.code) == BPF_LDX;
    if (!loads || (mode != BPF_ABS && mode != BPF_IND && mode != BPF_MSH)) continue;
    if (mode == BPF_ABS && static_cast<int32_t>(instruction.k) < 0) {
      const auto place = PlaceOf(instruction.k);
      if (!place) return {};
      instruction = {BPF_LD | BPF_W | BPF_ABS, 0, 0, *place};
    } else {
      instruction.k += PacketFilter::kRoom;
    }
  }
  return moved;
}

}  // namespace

PacketFilter::PacketFilter(std::vector<sock_filter> program, Runs runs)
    : accepts_all_(false), for_here_(ForHere(program)) {
  if (runs == Runs::kAnywhere) for_kernel_ = std::move(program);
}

std::vector<sock_filter> PacketFilter::AcceptingProgram(uint32_t snap_length, Direction direction) {
  Program program = RejectByDirection(direction);
  program.push_back({BPF_RET | BPF_K, 0, 0, snap_length});
  return program;
}

std::vector<sock_filter> PacketFilter::KernelProgram(uint32_t snap_length, Direction direction) const {
  if (accepts_all_) return AcceptingProgram(snap_length, direction);
  Program program = RejectByDirection(direction);
  if (for_kernel_.empty() || program.size() + for_kernel_.size() > BPF_MAXINSNS) return {};
  for (sock_filter instruction : for_kernel_) {
    // Accepting instructions return libpcap's snap length; ours counts.
    if (instruction.code == (BPF_RET | BPF_K) && instruction.k != 0) instruction.k = snap_length;
    program.push_back(instruction);
  }
  return program;
}

bool PacketFilter::Accepts(std::span<uint8_t> bytes, uint32_t original_length, const Ancillary& ancillary) const {
  static_assert(sizeof(sock_filter) == sizeof(bpf_insn), "libpcap's instructions are the kernel's");
  if (accepts_all_) return true;
  uint8_t* start = bytes.data() - kRoom;
  StoreBig32(start + kPacketTypeAt, ancillary.packet_type);
  StoreBig32(start + kTaggedAt, ancillary.tagged);
  StoreBig32(start + kTciAt, ancillary.tci);
  return bpf_filter(reinterpret_cast<const bpf_insn*>(for_here_.data()), start, original_length,
                    static_cast<u_int>(bytes.size() + kRoom)) != 0;
}

}  // namespace dashcap
