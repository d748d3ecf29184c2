#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/af_packet_options.h"
#include "daemon/arrival_counter.h"
#include "daemon/filter_compiler.h"
#include "daemon/packet_ring.h"
#include "daemon/packet_socket.h"

namespace dashcap {

// The name of all interfaces together.
inline constexpr char kAllInterfaces[] = "any";

// The fanout groups of an interface with several lanes.
struct FanoutGroups {
  uint16_t packets = 0;
  uint16_t arrivals = 0;
};

// One interface, as long as it is there: socket, filter and ring of one lane. One thread.
class AfPacketCapture {
 public:
  // Bound, and a member of its group, but everything is rejected: no packet comes in unfiltered, or to several lanes.
  // kUnavailable: the interface is down. Requires: `options` outlive it.
  static Result<std::unique_ptr<AfPacketCapture>> Open(const AfPacketOptions& options,
                                                       std::optional<FanoutGroups> groups, const std::string& filter);
  // Lets in what the filter accepts.
  Status Begin();

  Result<PacketFilter> Compile(const std::string& text) const { return compiler_.Compile(text); }
  // Another filter from now on. Gives the number of packets, of all that the ring is given, that the one before let in;
  // TakeUpFilter() is to be called after them. What the kernel is judging at this very moment may be on either side.
  Result<uint64_t> SetFilter(PacketFilter filter);
  void TakeUpFilter();
  // The filter, if each packet has to be judged here because the kernel doesn't run it; else nullptr.
  const PacketFilter* filter_here() const { return filter_here_.get(); }

  LinkType link_type() const { return compiler_.link_type(); }
  bool cooked() const { return compiler_.cooked(); }
  unsigned interface_index() const { return interface_index_; }  // 0: all
  PacketSocket& socket() { return socket_; }
  PacketRing& ring() { return ring_; }

  struct Counts {
    uint64_t accepted = 0;  // by the filter in the kernel, dropped ones included
    uint64_t rejected = 0;  // by it; exact when nothing is arriving, else a little behind
    uint64_t dropped = 0;   // no room in the ring
    uint64_t freezes = 0;   // times that the ring had become full
  };
  // Since Begin().
  const Counts& Count();

 private:
  AfPacketCapture(const AfPacketOptions& options, FilterCompiler compiler)
      : options_(options), compiler_(std::move(compiler)) {}

  Status OpenSocket();
  bool KernelFilters() const;
  Status CountArrivals();
  Status Attach();
  uint64_t TakeStatistics();
  void CountRejected();

  const AfPacketOptions& options_;
  FilterCompiler compiler_;
  PacketFilter filter_;
  std::unique_ptr<const PacketFilter> filter_here_;
  std::optional<std::unique_ptr<const PacketFilter>> next_filter_here_;  // until it is taken up
  unsigned interface_index_ = 0;
  std::optional<FanoutGroups> groups_;
  FanoutOptions fanout_;
  std::optional<ArrivalCounter> arrivals_;  // while a filter is in the kernel
  PacketSocket socket_;
  PacketRing ring_;
  Counts counts_;
  uint64_t arrived_ = 0;  // since arrivals_ counts
  uint64_t accepted_of_those_ = 0;
  uint64_t rejected_before_ = 0;
};

}  // namespace dashcap
