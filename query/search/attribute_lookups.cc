#include "query/search/attribute_lookups.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string>

#include "packet/address.h"
#include "query/language/matcher.h"

namespace dashcap {
namespace {

using Lookups = std::optional<std::vector<AttributeRange>>;

constexpr uint16_t kMaxVlan = 0x0fff;
constexpr uint32_t kMaxMplsLabel = 0x000fffff;

AttributeRange One(const Attribute& attribute) { return {attribute, attribute}; }

template <size_t N>
AttributeRange EveryAddress(KeyKind kind) {
  return {{kind, std::string(N, '\0')}, {kind, std::string(N, '\xff')}};
}

struct LookupsForTerm {
  Lookups operator()(const HostTerm& term) const {
    return Lookups({{AddressAttribute(term.network.first()), AddressAttribute(term.network.last())}});
  }
  Lookups operator()(const PortTerm& term) const {
    return Lookups({{PortAttribute(term.first), PortAttribute(term.last)}});
  }
  Lookups operator()(const ProtocolTerm& term) const {
    if (term.protocol == 0) return std::nullopt;  // also what a flow without IP has in its place
    // Maybe one of the extension headers before the protocol that is in the index.
    if (AsksPackets(Expression{term})) {
      return Lookups(
          {One(ProtocolAttribute(term.protocol)), One(EtherTypeAttribute(0x86dd)), EveryAddress<16>(KeyKind::kIpv6)});
    }
    return Lookups({One(ProtocolAttribute(term.protocol))});
  }
  // The attribute is of the innermost network layer. Outer IP headers show by their addresses.
  Lookups operator()(const EtherTypeTerm& term) const {
    switch (term.ether_type) {
      case 0x0800:
        return Lookups({One(EtherTypeAttribute(0x0800)), EveryAddress<4>(KeyKind::kIpv4)});
      case 0x86dd:
        return Lookups({One(EtherTypeAttribute(0x86dd)), EveryAddress<16>(KeyKind::kIpv6)});
      default:
        if (AsksPackets(Expression{term})) return std::nullopt;
        return Lookups({One(EtherTypeAttribute(term.ether_type))});
    }
  }
  Lookups operator()(const VlanTerm& term) const {
    if (term.id) return Lookups({One(VlanAttribute(*term.id))});
    return Lookups({{VlanAttribute(0), VlanAttribute(kMaxVlan)}});
  }
  Lookups operator()(const MplsTerm& term) const {
    if (term.label) return Lookups({One(MplsAttribute(*term.label))});
    return Lookups({{MplsAttribute(0), MplsAttribute(kMaxMplsLabel)}});
  }
  template <class Other>
  Lookups operator()(const Other&) const {
    return std::nullopt;
  }
};

enum Rank : int {
  kOneHost,
  kOnePort,
  kOneTag,
  kRareProtocol,
  kManyPorts,
  kManyHosts,
  kCommonProtocol,
  kEverything,
};

bool Contains(std::span<const uint16_t> values, uint16_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

Lookups LookupsFor(const Expression& term) { return std::visit(LookupsForTerm{}, term.node); }

int Selectivity(const Expression& expression) {
  constexpr std::array<uint16_t, 3> kCommonProtocols = {1, 6, 17};
  constexpr std::array<uint16_t, 2> kCommonTypes = {0x0800, 0x86dd};

  if (const auto* host = std::get_if<HostTerm>(&expression.node)) {
    return host->network.prefix_length == host->network.base.size() * 8 ? kOneHost : kManyHosts;
  }
  if (const auto* port = std::get_if<PortTerm>(&expression.node))
    return port->first == port->last ? kOnePort : kManyPorts;
  if (const auto* vlan = std::get_if<VlanTerm>(&expression.node)) return vlan->id ? kOneTag : kCommonProtocol;
  if (const auto* mpls = std::get_if<MplsTerm>(&expression.node)) return mpls->label ? kOneTag : kCommonProtocol;
  if (const auto* protocol = std::get_if<ProtocolTerm>(&expression.node)) {
    if (protocol->protocol == 0) return kEverything;
    return Contains(kCommonProtocols, protocol->protocol) ? kCommonProtocol : kRareProtocol;
  }
  if (const auto* type = std::get_if<EtherTypeTerm>(&expression.node)) {
    return Contains(kCommonTypes, type->ether_type) ? kCommonProtocol : kRareProtocol;
  }
  if (const auto* packet = std::get_if<PacketTerm>(&expression.node)) {
    return packet->necessary ? Selectivity(*packet->necessary) : kEverything;
  }
  if (const auto* all = std::get_if<AndNode>(&expression.node)) {
    int rank = kEverything;
    for (const ExpressionPtr& child : all->children) rank = std::min(rank, Selectivity(*child));
    return rank;
  }
  if (const auto* any = std::get_if<OrNode>(&expression.node)) {
    int rank = kOneHost;
    for (const ExpressionPtr& child : any->children) rank = std::max(rank, Selectivity(*child));
    return rank;
  }
  return kEverything;
}

}  // namespace dashcap
