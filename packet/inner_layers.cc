#include "packet/inner_layers.h"

#include "packet/layer_decoder.h"

namespace dashcap {
namespace {

using Bytes = std::span<const uint8_t>;

std::vector<uint8_t> Join(Bytes before, uint16_t ether_type, Bytes after, Bytes payload) {
  std::vector<uint8_t> packet;
  packet.reserve(before.size() + 2 + after.size() + payload.size());
  packet.insert(packet.end(), before.begin(), before.end());
  packet.push_back(static_cast<uint8_t>(ether_type >> 8));
  packet.push_back(static_cast<uint8_t>(ether_type));
  packet.insert(packet.end(), after.begin(), after.end());
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

}  // namespace

std::vector<Layer> LayersOf(LinkType link_type, std::span<const uint8_t> bytes) {
  std::vector<Layer> layers;
  Decoded decoded;
  LayerDecoder(bytes, decoded, &layers).LinkLayer(link_type);
  return layers;
}

std::vector<uint8_t> WithoutOuterLayers(LinkType link_type, std::span<const uint8_t> bytes, const Layer& layer) {
  const Bytes payload = bytes.subspan(layer.offset);
  switch (link_type) {
    case LinkType::kEthernet:
      return Join(bytes.first(12), layer.ether_type, {}, payload);
    case LinkType::kLinuxSll:
      return Join(bytes.first(14), layer.ether_type, {}, payload);
    case LinkType::kLinuxSll2:
      return Join({}, layer.ether_type, bytes.subspan(2, 18), payload);
    case LinkType::kRaw:
    case LinkType::kRawDlt12:
    case LinkType::kRawDlt14:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
      return {payload.begin(), payload.end()};
    case LinkType::kNull:
    case LinkType::kLoop:
      break;
  }
  return {};
}

}  // namespace dashcap
