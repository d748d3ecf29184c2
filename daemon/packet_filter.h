#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/link_type.h"

namespace dashcap {

// pcap-filter(7) text as a classic BPF program (kernel document filter.rst) that also cuts packets to the snap length.
class PacketFilter {
 public:
  // For packets as an interface delivers them: libpcap is asked about the interface itself, because there the outer
  // VLAN tag is not in the packet. An empty text accepts everything.
  static Result<PacketFilter> Compile(const std::string& text, const std::string& interface, LinkType link_type,
                                      uint32_t snap_length);

  // Whether the kernel takes programs of this length; otherwise use Accepts().
  bool FitsKernel() const { return program_.size() + kPrefix <= BPF_MAXINSNS; }
  // What to attach.
  std::span<const sock_filter> program() const { return program_; }
  // A program that accepts nothing and one that only cuts.
  static sock_filter RejectAll() { return {BPF_RET | BPF_K, 0, 0, 0}; }
  static sock_filter CutTo(uint32_t snap_length) { return {BPF_RET | BPF_K, 0, 0, snap_length}; }
  // The beginning of a program: what goes out is rejected, the rest goes on to the instruction after it.
  static std::vector<sock_filter> RejectOutgoing();

  // Runs the program here.
  bool Accepts(std::span<const uint8_t> bytes, uint32_t original_length) const;

 private:
  static constexpr size_t kPrefix = 3;  // RejectOutgoing()
  std::vector<sock_filter> program_;
};

}  // namespace dashcap
