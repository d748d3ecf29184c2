#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "packet/link_type.h"

namespace dashcap {

// What an EtherType names, and where in the packet it begins.
struct Layer {
  uint16_t ether_type = 0;
  size_t offset = 0;
  bool operator==(const Layer&) const = default;
};

// The layers that Decode() enters, outermost first: what follows the link layer, and what follows each tag, label stack
// and outer IP header.
std::vector<Layer> LayersOf(LinkType link_type, std::span<const uint8_t> bytes);

// The packet as if the layer followed the link layer at once: a tagged frame without its tags, what a tunnel carries
// without the tunnel. Keeps the link layer's addresses. Empty when the link layer has no word for such a layer.
std::vector<uint8_t> WithoutOuterLayers(LinkType link_type, std::span<const uint8_t> bytes, const Layer& layer);

}  // namespace dashcap
