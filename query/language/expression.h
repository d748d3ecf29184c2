#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "packet/address.h"

// The tree of a query. docs/query-language.md is the user's view of it.
namespace dashcap {

// Which end of a packet a primitive speaks of.
enum class Side : uint8_t { kEither, kSource, kDestination, kBoth };

// What family an address, and what transport a port, must belong to.
enum class Family : uint8_t { kAny, kIp, kIp6, kArp, kRarp };

struct HostTerm {  // host 10.1.2.3 | net 10.0.0.0/8: one address or many, at any layer
  Family family = Family::kAny;
  Side side = Side::kEither;
  Network network;  // a host is a network of full length
  bool operator==(const HostTerm&) const = default;
};
struct PortTerm {  // port 53 | portrange 1000-2000 | tcp src port 80
  enum class Transport : uint8_t { kAny, kTcp, kUdp, kSctp, kUdpLite };
  Transport transport = Transport::kAny;
  Side side = Side::kEither;
  uint16_t first = 0;
  uint16_t last = 0;
  bool operator==(const PortTerm&) const = default;
};
struct ProtocolTerm {  // ip proto 17 | tcp | udp | icmp | icmp6 | sctp: behind IPv6's extension headers too
  Family family = Family::kAny;
  uint8_t protocol = 0;
  bool operator==(const ProtocolTerm&) const = default;
};
struct EtherTypeTerm {  // ip | ip6 | arp | rarp | ether proto 0x88cc
  uint16_t ether_type = 0;
  bool operator==(const EtherTypeTerm&) const = default;
};
struct VlanTerm {  // vlan | vlan 7
  std::optional<uint16_t> id;
  bool operator==(const VlanTerm&) const = default;
};
struct MplsTerm {  // mpls | mpls 29
  std::optional<uint32_t> label;
  bool operator==(const MplsTerm&) const = default;
};
struct TimeTerm {  // before T | after T | between T1 and T2: the packet's own time, half open
  TimeRange range;
  bool operator==(const TimeTerm&) const = default;
};
struct AllTerm {  // the empty expression
  bool operator==(const AllTerm&) const = default;
};

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;  // shared because it never changes

struct PacketTerm {    // tcp[13] & 2 != 0 | ether host 02:00:00:00:00:01 | less 64: what no flow tells, only the packet
  std::string filter;  // one primitive of pcap-filter(7), without names to be looked up
  ExpressionPtr necessary;  // what flows tell of it: true wherever this is true; nullptr: nothing
  bool operator==(const PacketTerm& other) const { return filter == other.filter; }
};

struct NotNode {
  ExpressionPtr child;
};
struct AndNode {  // at least two
  std::vector<ExpressionPtr> children;
};
struct OrNode {
  std::vector<ExpressionPtr> children;
};

struct Expression {
  std::variant<AllTerm, HostTerm, PortTerm, ProtocolTerm, EtherTypeTerm, VlanTerm, MplsTerm, TimeTerm, PacketTerm,
               NotNode, AndNode, OrNode>
      node;
};

template <class Node>
ExpressionPtr MakeExpression(Node node) {
  return std::make_shared<const Expression>(Expression{std::move(node)});
}

bool SameTree(const Expression& a, const Expression& b);

}  // namespace dashcap
