#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "packet/filter_program.h"
#include "packet/flow_key.h"
#include "packet/packet.h"
#include "query/language/expression.h"

namespace dashcap {

// The filters that libpcap compiled for a query, each once for a link type. One thread.
class FilterPrograms {
 public:
  // nullptr when packets of this link type can't have what the filter speaks of. Valid as long as *this.
  const FilterProgram* Find(const std::string& filter, LinkType link_type);

 private:
  std::map<std::pair<LinkType, std::string>, std::optional<FilterProgram>> programs_;
};

// A query for packets of one link type. What a packet's key doesn't decide, libpcap decides: on the packet as it is and
// on the packet without each of its outer layers, so that every layer counts. What packets of this link type can't have
// is false. Of a link type that isn't decoded libpcap decides everything. One thread.
class PacketMatcher {
 public:
  // Requires: `programs` outlives *this.
  PacketMatcher(ExpressionPtr expression, LinkType link_type, FilterPrograms& programs);

  // `key` is what Decode() made of the packet, with the ports of its datagram when it is a fragment.
  bool Matches(const Packet& packet, const FlowKey& key) const;

  // When the key has been used already: every term but time is asked of the packet itself.
  bool MatchesWithoutKey(const Packet& packet) const;

 private:
  void Compile(const Expression& expression, FilterPrograms& programs);

  ExpressionPtr expression_;
  LinkType link_type_;
  bool decoded_;
  std::unordered_map<const Expression*, const FilterProgram*> programs_;  // by term
};

}  // namespace dashcap
