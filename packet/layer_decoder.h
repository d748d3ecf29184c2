#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_reader.h"
#include "packet/decoder.h"
#include "packet/inner_layers.h"

namespace dashcap {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeRarp = 0x8035;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeMplsUnicast = 0x8847;
inline constexpr uint16_t kEtherTypeMplsMulticast = 0x8848;

// One walk over one packet, outermost layer first; the implementation of Decode. Every layer reads its header from
// `reader_`, writes what it learned to `out_`, and calls the layer inside it. A call into a nested layer follows a push
// to the envelope or the end of the link layer, so the envelope's capacity bounds the depth.
//
// Requires: `out` holds no addresses, ports, protocol, envelope or fragment yet.
class LayerDecoder {
 public:
  // Notes in `layers` what it enters, unless that is nullptr.
  LayerDecoder(std::span<const uint8_t> bytes, Decoded& out, std::vector<Layer>* layers = nullptr)
      : reader_(bytes), out_(out), layers_(layers) {}

  DecodeEnd LinkLayer(LinkType type);
  size_t position() const { return reader_.position(); }

 private:
  // Link layers: link_layer.cc
  DecodeEnd Ethernet();
  DecodeEnd LinuxSll();
  DecodeEnd LinuxSll2();
  DecodeEnd CookedProtocol(uint16_t protocol);
  DecodeEnd AddressFamily();
  DecodeEnd RawIp();

  // `type` stands in front of the reader: link_layer.cc
  DecodeEnd Llc();
  DecodeEnd EtherType(uint16_t type);
  DecodeEnd Vlan(uint16_t type);
  DecodeEnd Mpls(uint16_t type);
  DecodeEnd Arp(uint16_t type);
  DecodeEnd NotIp(uint16_t type, DecodeEnd end);

  // IP and what it carries: ip_layer.cc
  DecodeEnd Ipv4();
  DecodeEnd Ipv6();
  DecodeEnd Ipv6Extensions(uint8_t next_header);
  DecodeEnd Authentication();
  DecodeEnd UpperLayer(uint8_t protocol);
  DecodeEnd NestedIp(uint8_t protocol);
  DecodeEnd Ports();

  uint8_t NextNibble() const { return reader_.rest()[0] >> 4; }
  void Note(uint16_t ether_type) const {
    if (layers_) layers_->push_back({ether_type, reader_.position()});
  }

  ByteReader reader_;
  Decoded& out_;
  std::vector<Layer>* layers_;
};

}  // namespace dashcap
