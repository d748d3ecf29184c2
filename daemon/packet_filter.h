#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dashcap {

// A compiled pcap-filter(7) expression: classic BPF (kernel document filter.rst) that sees packets as a packet socket does,
// without their outer VLAN tag. Runs in the kernel, or here to the same effect.
class PacketFilter {
 public:
  // What accepts everything.
  PacketFilter() = default;
  // kHere: it is about a link header that the kernel doesn't have.
  enum class Runs { kAnywhere, kHere };
  PacketFilter(std::vector<sock_filter> program, Runs runs);

  bool accepts_all() const { return accepts_all_; }

  // What to attach to a socket; it also cuts packets to the snap length. Empty when the kernel can't run it.
  enum class Direction {
    kBoth,  // of loopback only what comes in, because all that goes out comes in again
    kIn,
    kOut,
  };
  std::vector<sock_filter> KernelProgram(uint32_t snap_length, Direction direction) const;
  // One that accepts everything else.
  static std::vector<sock_filter> AcceptingProgram(uint32_t snap_length, Direction direction);
  static sock_filter RejectAll() { return {BPF_RET | BPF_K, 0, 0, 0}; }

  // What the kernel knows of a packet besides its bytes.
  struct Ancillary {
    uint8_t packet_type = 0;  // PACKET_HOST, PACKET_OUTGOING, …
    bool tagged = false;
    uint16_t tci = 0;  // of the tag
  };
  // Bytes in front of a packet that Accepts() overwrites.
  static constexpr size_t kRoom = 12;
  // Whether the packet is wanted. Requires: runs_here(), and kRoom bytes before `bytes`.
  bool Accepts(std::span<uint8_t> bytes, uint32_t original_length, const Ancillary& ancillary) const;
  bool runs_here() const { return accepts_all_ || !for_here_.empty(); }

 private:
  bool accepts_all_ = true;
  std::vector<sock_filter> for_kernel_;
  std::vector<sock_filter> for_here_;
};

}  // namespace dashcap
