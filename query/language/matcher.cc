#include "query/language/matcher.h"

#include <algorithm>
#include <array>

#include "packet/decoder.h"

namespace dashcap {
namespace {

constexpr uint16_t kEtherTypeIp = 0x0800;
constexpr uint16_t kEtherTypeArp = 0x0806;
constexpr uint16_t kEtherTypeRarp = 0x8035;
constexpr uint16_t kEtherTypeIp6 = 0x86dd;

// Whether some layer round the conversation is what `wanted` says.
template <class Wanted>
bool AnyItem(const Envelope& envelope, Wanted wanted) {
  if (envelope.empty()) return false;
  EnvelopeReader reader(envelope);
  while (const auto item = reader.Next()) {
    if (wanted(*item)) return true;
  }
  return false;
}

bool IsFamily(Family family, uint16_t ether_type) {
  switch (family) {
    case Family::kAny:
      return ether_type == kEtherTypeIp || ether_type == kEtherTypeIp6 || ether_type == kEtherTypeArp ||
             ether_type == kEtherTypeRarp;
    case Family::kIp:
      return ether_type == kEtherTypeIp;
    case Family::kIp6:
      return ether_type == kEtherTypeIp6;
    case Family::kArp:
      return ether_type == kEtherTypeArp;
    case Family::kRarp:
      return ether_type == kEtherTypeRarp;
  }
  return false;
}

uint16_t EtherTypeOf(const EnvelopeItem& item) {
  if (item.kind == Envelope::kIpv4) return kEtherTypeIp;
  return item.kind == Envelope::kIpv6 ? kEtherTypeIp6 : uint16_t{0};
}

bool OnSide(Side side, bool source, bool destination) {
  switch (side) {
    case Side::kEither:
      return source || destination;
    case Side::kSource:
      return source;
    case Side::kDestination:
      return destination;
    case Side::kBoth:
      return source && destination;
  }
  return false;
}

bool IsTransport(PortTerm::Transport transport, uint8_t protocol) {
  switch (transport) {
    case PortTerm::Transport::kAny:
      return true;
    case PortTerm::Transport::kTcp:
      return protocol == 6;
    case PortTerm::Transport::kUdp:
      return protocol == 17;
    case PortTerm::Transport::kSctp:
      return protocol == 132;
    case PortTerm::Transport::kUdpLite:
      return protocol == 136;
  }
  return false;
}

// The IPv6 extension headers that a decoder passes on its way to the upper layer.
bool IsExtension(const ProtocolTerm& term) {
  constexpr std::array<uint8_t, 8> kExtensions = {0, 43, 44, 51, 60, 135, 139, 140};
  return term.family != Family::kIp &&
         std::find(kExtensions.begin(), kExtensions.end(), term.protocol) != kExtensions.end();
}

using Known = std::optional<bool>;

// Every primitive but time, which is for the caller to know.
struct TermMatcher {
  const FlowKey& key;

  bool operator()(const HostTerm& term) const {
    const auto matches = [&term](uint16_t ether_type, const Address& source, const Address& destination) {
      return IsFamily(term.family, ether_type) &&
             OnSide(term.side, term.network.Contains(source), term.network.Contains(destination));
    };
    return matches(key.ether_type, key.source, key.destination) ||
           AnyItem(key.envelope, [&matches](const EnvelopeItem& item) {
             return matches(EtherTypeOf(item), item.source, item.destination);
           });
  }
  bool operator()(const PortTerm& term) const {
    const auto in_range = [&term](uint16_t port) { return term.first <= port && port <= term.last; };
    return key.has_ports && IsTransport(term.transport, key.protocol) &&
           OnSide(term.side, in_range(key.source_port), in_range(key.destination_port));
  }
  Known operator()(const ProtocolTerm& term) const {
    if (HasProtocol(term)) return true;
    // What a key has is the protocol behind the extension headers.
    return IsExtension(term) && AnyLayerIsIp6() ? std::nullopt : Known(false);
  }
  bool HasProtocol(const ProtocolTerm& term) const {
    if (key.is_ip() && key.protocol == term.protocol && IsFamily(term.family, key.ether_type)) return true;
    return AnyItem(key.envelope, [this, &term](const EnvelopeItem& item) {
      if (item.kind == Envelope::kVlan || item.kind == Envelope::kMpls || item.value != term.protocol) return false;
      // A protocol that was passed through belongs to the innermost IP packet.
      return IsFamily(term.family, item.kind == Envelope::kProtocol ? key.ether_type : EtherTypeOf(item));
    });
  }
  bool AnyLayerIsIp6() const {
    return key.ether_type == kEtherTypeIp6 ||
           AnyItem(key.envelope, [](const EnvelopeItem& item) { return item.kind == Envelope::kIpv6; });
  }
  Known operator()(const EtherTypeTerm& term) const {
    const bool found = key.ether_type == term.ether_type || AnyItem(key.envelope, [&term](const EnvelopeItem& item) {
                         return EtherTypeOf(item) == term.ether_type;
                       });
    return found || !IsPassedThrough(term.ether_type) ? Known(found) : std::nullopt;
  }
  bool operator()(const VlanTerm& term) const {
    return AnyItem(key.envelope, [&term](const EnvelopeItem& item) {
      return item.kind == Envelope::kVlan && item.value == term.id.value_or(static_cast<uint16_t>(item.value));
    });
  }
  bool operator()(const MplsTerm& term) const {
    return AnyItem(key.envelope, [&term](const EnvelopeItem& item) {
      return item.kind == Envelope::kMpls && item.value == term.label.value_or(item.value);
    });
  }
  bool operator()(const AllTerm&) const { return true; }
  Known operator()(const PacketTerm&) const { return std::nullopt; }
};

// Three-valued logic (Kleene): `time` decides time terms when it is known.
struct Evaluator {
  const FlowKey& key;
  const Timestamp* time;

  Known operator()(const TimeTerm& term) const { return time ? Known(term.range.Contains(*time)) : std::nullopt; }
  Known operator()(const NotNode& node) const {
    const Known child = Evaluate(*node.child);
    return child ? Known(!*child) : std::nullopt;
  }
  Known operator()(const AndNode& node) const { return Fold(node.children, false); }
  Known operator()(const OrNode& node) const { return Fold(node.children, true); }
  template <class Term>
  Known operator()(const Term& term) const {
    return Known(TermMatcher{key}(term));
  }

  Known Evaluate(const Expression& expression) const { return std::visit(*this, expression.node); }

 private:
  Known Fold(const std::vector<ExpressionPtr>& children, bool decisive) const {
    Known result = !decisive;
    for (const ExpressionPtr& child : children) {
      const Known value = Evaluate(*child);
      if (value == decisive) return decisive;
      if (!value) result = std::nullopt;
    }
    return result;
  }
};

// The smallest range that holds both.
TimeRange Hull(TimeRange a, TimeRange b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

TimeRange BoundsOfNot(const Expression& child) {
  const auto* term = std::get_if<TimeTerm>(&child.node);
  if (!term || term->range.empty()) return {};
  if (term->range.begin == kMinTimestamp) return {term->range.end, kMaxTimestamp};
  if (term->range.end == kMaxTimestamp) return {kMinTimestamp, term->range.begin};
  return {};
}

}  // namespace

bool Matches(const Expression& expression, const FlowKey& key, Timestamp time) {
  return Evaluator{key, &time}.Evaluate(expression).value_or(false);
}

std::optional<bool> MatchesAtAnyTime(const Expression& expression, const FlowKey& key) {
  return Evaluator{key, nullptr}.Evaluate(expression);
}

std::optional<bool> DecideByKey(const Expression& term, const FlowKey& key) {
  return Evaluator{key, nullptr}.Evaluate(term);
}

bool AsksPackets(const Expression& expression) {
  const auto asks = [](const ExpressionPtr& child) { return AsksPackets(*child); };
  if (const auto* node = std::get_if<NotNode>(&expression.node)) return asks(node->child);
  if (const auto* node = std::get_if<AndNode>(&expression.node))
    return std::any_of(node->children.begin(), node->children.end(), asks);
  if (const auto* node = std::get_if<OrNode>(&expression.node))
    return std::any_of(node->children.begin(), node->children.end(), asks);
  if (const auto* term = std::get_if<ProtocolTerm>(&expression.node)) return IsExtension(*term);
  if (const auto* term = std::get_if<EtherTypeTerm>(&expression.node)) return IsPassedThrough(term->ether_type);
  return std::holds_alternative<PacketTerm>(expression.node);
}

TimeRange TimeBounds(const Expression& expression) {
  if (const auto* term = std::get_if<TimeTerm>(&expression.node)) return term->range;
  if (const auto* negation = std::get_if<NotNode>(&expression.node)) return BoundsOfNot(*negation->child);
  if (const auto* all = std::get_if<AndNode>(&expression.node)) {
    TimeRange bounds;
    for (const ExpressionPtr& child : all->children) bounds = Intersect(bounds, TimeBounds(*child));
    return bounds;
  }
  if (const auto* any = std::get_if<OrNode>(&expression.node)) {
    TimeRange bounds{kMaxTimestamp, kMinTimestamp};
    for (const ExpressionPtr& child : any->children) bounds = Hull(bounds, TimeBounds(*child));
    return bounds;
  }
  return {};
}

}  // namespace dashcap
