#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/packet_filter.h"
#include "packet/link_type.h"

struct pcap;

namespace dashcap {

// What libpcap knows about an interface: its link type, and how a filter on it reads. It needs a packet socket once, when
// it is made, and receives nothing through it. One thread at a time.
class FilterCompiler {
 public:
  // "any" is every interface. kUnavailable: the interface is down.
  static Result<FilterCompiler> Open(const std::string& interface);

  // What packets are stored as.
  LinkType link_type() const { return link_type_; }
  // Whether packets come without a link header of their own and get one of kLinuxSll2, because the interface has none that
  // capture files could hold, or is all interfaces.
  bool cooked() const { return link_type_ == LinkType::kLinuxSll2; }

  // An empty text accepts everything.
  Result<PacketFilter> Compile(const std::string& text) const;

 private:
  struct ClosePcap {
    void operator()(pcap* handle) const;
  };
  std::unique_ptr<pcap, ClosePcap> handle_;
  LinkType link_type_ = LinkType::kEthernet;
};

}  // namespace dashcap
