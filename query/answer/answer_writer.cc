#include "query/answer/answer_writer.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "packet/capture_writer.h"
#include "packet/decoder.h"
#include "query/answer/missing_report.h"

namespace dashcap {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kSnapLength = 1 << 20;  // more than any packet has

class PcapAnswer final : public AnswerWriter {
 public:
  const char* content_type() const override { return "application/vnd.tcpdump.pcap"; }
  void Begin(std::vector<uint8_t>&) override {}
  bool Append(const FoundPacket& found, const std::vector<Interface>&, std::vector<uint8_t>& out) override {
    if (!link_type_) WriteHeader(found.packet.link_type, out);
    if (found.packet.link_type != *link_type_) return false;
    AppendPcapPacket(found.packet, PcapResolution::kNanoseconds, out);
    return true;
  }
  void End(const PacketStream& stream, uint64_t, std::vector<uint8_t>& out) override {
    if (link_type_) return;
    const std::vector<Interface>& interfaces = stream.interfaces();
    WriteHeader(interfaces.empty() ? LinkType::kEthernet : interfaces.front().link_type, out);
  }

 private:
  void WriteHeader(LinkType type, std::vector<uint8_t>& out) {
    link_type_ = type;
    AppendPcapHeader(type, kSnapLength, PcapResolution::kNanoseconds, out);
  }
  std::optional<LinkType> link_type_;
};

class PcapngAnswer final : public AnswerWriter {
 public:
  explicit PcapngAnswer(std::string query) : query_(std::move(query)) {}
  const char* content_type() const override { return "application/x-pcapng"; }
  void Begin(std::vector<uint8_t>& out) override {
    AppendPcapngSection("dashcap " DASHCAP_VERSION, query_.empty() ? "every packet" : query_, out);
  }
  bool Append(const FoundPacket& found, const std::vector<Interface>& interfaces, std::vector<uint8_t>& out) override {
    AppendInterfaces(interfaces, out);
    AppendPcapngPacket(found.packet, out);
    return true;
  }
  void End(const PacketStream& stream, uint64_t left_out, std::vector<uint8_t>& out) override {
    const std::vector<std::string> missing = DescribeMissing(stream.missing(), left_out);
    AppendInterfaces(stream.interfaces(), out);
    if (interfaces_written_ == 0) return;
    const std::string comment =
        missing.empty() ? "the answer is complete" : fmt::format("missing: {}", fmt::join(missing, "; "));
    InterfaceCounts counts;
    counts.delivered = stream.statistics().packets;
    counts.dropped_kernel = stream.missing().dropped_packets;
    AppendPcapngStatistics(0, Now(), counts, comment, out);
  }

 private:
  void AppendInterfaces(const std::vector<Interface>& interfaces, std::vector<uint8_t>& out) {
    while (interfaces_written_ < interfaces.size()) AppendPcapngInterface(interfaces[interfaces_written_++], out);
  }
  const std::string query_;
  size_t interfaces_written_ = 0;
};

std::string Base64(std::span<const uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

void AddTags(const FlowKey& key, Json& json) {
  for (const EnvelopeItem& item : ItemsOf(key.envelope)) {
    switch (item.kind) {
      case Envelope::kVlan:
        json["vlan"].push_back(item.value);
        break;
      case Envelope::kMpls:
        json["mpls"].push_back(item.value);
        break;
      case Envelope::kProtocol:
        break;
      case Envelope::kIpv4:
      case Envelope::kIpv6:
        json["outer"].push_back(
            {{"source", FormatAddress(item.source)}, {"destination", FormatAddress(item.destination)}});
        break;
    }
  }
}

void AddFlow(const FlowKey& key, Json& json) {
  json["ether_type"] = fmt::format("0x{:04x}", key.ether_type);
  if (key.is_ip()) json["protocol"] = key.protocol;
  if (key.source.kind != AddressKind::kNone) json["source"] = FormatAddress(key.source);
  if (key.has_ports) json["source_port"] = key.source_port;
  if (key.destination.kind != AddressKind::kNone) json["destination"] = FormatAddress(key.destination);
  if (key.has_ports) json["destination_port"] = key.destination_port;
  if (!key.envelope.empty()) AddTags(key, json);
}

class JsonAnswer final : public AnswerWriter {
 public:
  explicit JsonAnswer(std::string query) : query_(std::move(query)) {}
  const char* content_type() const override { return "application/x-ndjson"; }
  void Begin(std::vector<uint8_t>&) override {}
  bool Append(const FoundPacket& found, const std::vector<Interface>& interfaces, std::vector<uint8_t>& out) override {
    const Packet& packet = found.packet;
    Json json = {{"time", FormatTime(packet.timestamp)},
                 {"interface", interfaces[found.interface].name},
                 {"link_type", LinkTypeName(packet.link_type)},
                 {"length", packet.original_length}};
    if (packet.bytes.size() != packet.original_length) json["captured"] = packet.bytes.size();
    AddFlow(Decode(packet.link_type, packet.bytes).key, json);
    json["data"] = Base64(packet.bytes);
    AppendLine(json, out);
    return true;
  }
  void End(const PacketStream& stream, uint64_t left_out, std::vector<uint8_t>& out) override {
    Json summary = {{"query", query_},
                    {"packets", stream.statistics().packets},
                    {"bytes", stream.statistics().bytes},
                    {"complete", stream.missing().empty() && left_out == 0},
                    {"missing", MissingJson(stream.missing(), left_out)}};
    AppendLine({{"summary", std::move(summary)}}, out);
  }

 private:
  static void AppendLine(const Json& json, std::vector<uint8_t>& out) {
    const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    out.insert(out.end(), line.begin(), line.end());
  }
  const std::string query_;
};

}  // namespace

std::unique_ptr<AnswerWriter> MakeAnswerWriter(AnswerFormat format, std::string query) {
  switch (format) {
    case AnswerFormat::kPcap:
      return std::make_unique<PcapAnswer>();
    case AnswerFormat::kPcapng:
      return std::make_unique<PcapngAnswer>(std::move(query));
    case AnswerFormat::kJson:
      return std::make_unique<JsonAnswer>(std::move(query));
  }
  return nullptr;
}

}  // namespace dashcap
