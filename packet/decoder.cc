#include "packet/decoder.h"

#include <algorithm>

#include "packet/layer_decoder.h"

namespace dashcap {

void Decode(LinkType link_type, std::span<const uint8_t> bytes, Decoded& out) {
  // All of *out but the bytes of the envelope, which are set as it grows.
  out.key.source = {};
  out.key.destination = {};
  out.key.source_port = 0;
  out.key.destination_port = 0;
  out.key.ether_type = 0;
  out.key.protocol = 0;
  out.key.has_ports = false;
  out.key.envelope.clear();
  out.fragment = {};
  out.tcp_flags = 0;
  out.mac_source = {};
  out.mac_destination = {};

  LayerDecoder decoder(bytes, out);
  out.end = decoder.LinkLayer(link_type);
  out.payload_offset = static_cast<uint16_t>(std::min<size_t>(decoder.position(), UINT16_MAX));
}

}  // namespace dashcap
