#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "indexer/index_format.h"
#include "packet/flow_key.h"

namespace dashcap {

// Number of a flow within its blockfile, counted from 0 in order of first packets.
using FlowId = uint32_t;

enum class Direction : uint8_t { kForward = 0, kReverse = 1 };

// What the index keeps of one flow of one blockfile. Forward packets go from key.source to key.destination.
struct FlowRecord {
  FlowKey key;  // as the end that began it sees it
  bool initiator_known =
      false;  // a SYN without ACK was seen; otherwise the first packet's sender counts as the beginner
  Timestamp first_time{};
  Timestamp last_time{};
  std::array<uint64_t, 2> packets{};   // by Direction
  std::array<uint64_t, 2> bytes{};     // original lengths
  std::array<uint8_t, 2> tcp_flags{};  // all that were seen, or-ed
  bool operator==(const FlowRecord&) const = default;
};

// Every attribute under which a flow can be found, without repeats, sorted.
std::vector<Attribute> AttributesOf(const FlowKey& key);

void AppendFlowRecord(const FlowRecord& record, std::string& out);
// Takes the record from the front of `in`; nullopt when damaged.
std::optional<FlowRecord> TakeFlowRecord(std::string_view& in);

}  // namespace dashcap
