#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/time.h"
#include "packet/link_type.h"

namespace dashcap {

// One captured packet. The bytes belong to whoever made the view (a ring, a block, a reader) and live as long as that
// one says.
struct Packet {
  Timestamp timestamp{};
  uint32_t original_length = 0;  // on the wire; at least bytes.size() unless the source was wrong
  uint32_t interface_id = 0;     // index into the interfaces of the blockfile or reader it came from
  LinkType link_type = LinkType::kEthernet;
  std::span<const uint8_t> bytes;
};

// Where packets came from: what a pcapng interface description block says.
struct Interface {
  std::string name;         // if_name, "eth0"; may be empty
  std::string description;  // if_description; may be empty
  std::string filter;       // if_filter, as tcpdump text; empty: none
  LinkType link_type = LinkType::kEthernet;
  uint32_t snap_length = 0;  // 0: no limit
  bool operator==(const Interface&) const = default;
};

}  // namespace dashcap
