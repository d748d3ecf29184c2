#include "packet/capture_writer.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/byte_order.h"
#include "packet/pcapng.h"

namespace dashcap {
namespace {

constexpr uint32_t kPcapMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kPcapNanoseconds = 0xa1b23c4d;
constexpr uint32_t kPcapNoSnapLimit = 262144;  // what tcpdump writes for "no limit"; 0 confuses old readers
constexpr uint16_t kShbUserApplication = 4;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

void Append16(uint16_t v, std::vector<uint8_t>& out) {
  const size_t at = out.size();
  out.resize(at + 2);
  StoreLittle16(&out[at], v);
}

void Append32(uint32_t v, std::vector<uint8_t>& out) {
  const size_t at = out.size();
  out.resize(at + 4);
  StoreLittle32(&out[at], v);
}

uint32_t Clamp32(uint64_t v) { return static_cast<uint32_t>(std::min<uint64_t>(v, UINT32_MAX)); }

// pcapng puts the high half first, in either byte order.
void AppendTime(Timestamp time, std::vector<uint8_t>& out) {
  const auto nanoseconds = static_cast<uint64_t>(std::max<int64_t>(ToUnixNanoseconds(time), 0));
  Append32(static_cast<uint32_t>(nanoseconds >> 32), out);
  Append32(static_cast<uint32_t>(nanoseconds), out);
}

void AppendPadded(std::span<const uint8_t> bytes, std::vector<uint8_t>& out) {
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.resize(out.size() + pcapng::Padded(bytes.size()) - bytes.size());
}

void AppendOption(uint16_t code, std::span<const uint8_t> value, std::vector<uint8_t>& out) {
  value = value.first(std::min<size_t>(value.size(), UINT16_MAX));
  Append16(code, out);
  Append16(static_cast<uint16_t>(value.size()), out);
  AppendPadded(value, out);
}

void AppendTextOption(uint16_t code, std::string_view text, std::vector<uint8_t>& out) {
  if (text.empty()) return;
  AppendOption(code, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()), out);
}

void AppendCountOption(uint16_t code, uint64_t value, std::vector<uint8_t>& out) {
  std::array<uint8_t, 8> bytes;
  StoreLittle64(bytes.data(), value);
  AppendOption(code, bytes, out);
}

void AppendEndOfOptions(std::vector<uint8_t>& out) { Append32(pcapng::kOptionEnd, out); }

// The first two words of a block; the length is filled in by EndBlock. Returns where the block starts.
size_t BeginBlock(uint32_t type, std::vector<uint8_t>& out) {
  const size_t start = out.size();
  Append32(type, out);
  Append32(0, out);
  return start;
}

void EndBlock(size_t start, std::vector<uint8_t>& out) {
  const auto total = static_cast<uint32_t>(out.size() - start + 4);
  StoreLittle32(&out[start + 4], total);
  Append32(total, out);
}

}  // namespace

void AppendPcapHeader(LinkType link_type, uint32_t snap_length, PcapResolution resolution, std::vector<uint8_t>& out) {
  Append32(resolution == PcapResolution::kNanoseconds ? kPcapNanoseconds : kPcapMicroseconds, out);
  Append16(2, out);
  Append16(4, out);
  Append32(0, out);  // time zone
  Append32(0, out);  // accuracy of the timestamps
  Append32(snap_length == 0 ? kPcapNoSnapLimit : snap_length, out);
  Append32(static_cast<uint16_t>(link_type), out);
}

void AppendPcapPacket(const Packet& packet, PcapResolution resolution, std::vector<uint8_t>& out) {
  constexpr int64_t kLatest = UINT32_MAX * kNanosecondsPerSecond + kNanosecondsPerSecond - 1;
  const int64_t time = std::clamp<int64_t>(ToUnixNanoseconds(packet.timestamp), 0, kLatest);
  const auto fraction = static_cast<uint32_t>(time % kNanosecondsPerSecond);
  Append32(static_cast<uint32_t>(time / kNanosecondsPerSecond), out);
  Append32(resolution == PcapResolution::kNanoseconds ? fraction : fraction / 1000, out);
  Append32(Clamp32(packet.bytes.size()), out);
  Append32(packet.original_length, out);
  out.insert(out.end(), packet.bytes.begin(), packet.bytes.end());
}

void AppendPcapngSection(std::string_view application, std::string_view comment, std::vector<uint8_t>& out) {
  const size_t start = BeginBlock(pcapng::kSectionHeader, out);
  Append32(pcapng::kByteOrderMagic, out);
  Append16(1, out);
  Append16(0, out);
  Append32(UINT32_MAX, out);  // section length unknown
  Append32(UINT32_MAX, out);
  AppendTextOption(pcapng::kOptionComment, comment, out);
  AppendTextOption(kShbUserApplication, application, out);
  AppendEndOfOptions(out);
  EndBlock(start, out);
}

void AppendPcapngInterface(const Interface& interface, std::vector<uint8_t>& out) {
  const size_t start = BeginBlock(pcapng::kInterfaceDescription, out);
  Append16(static_cast<uint16_t>(interface.link_type), out);
  Append16(0, out);
  Append32(interface.snap_length, out);
  AppendTextOption(pcapng::kIfName, interface.name, out);
  AppendTextOption(pcapng::kIfDescription, interface.description, out);
  AppendOption(pcapng::kIfTsResol, std::array<uint8_t, 1>{9}, out);
  // The first byte says what follows: 0 is text.
  if (!interface.filter.empty()) AppendTextOption(pcapng::kIfFilter, std::string(1, '\0') + interface.filter, out);
  AppendEndOfOptions(out);
  EndBlock(start, out);
}

void AppendPcapngPacket(const Packet& packet, std::vector<uint8_t>& out) {
  const size_t start = BeginBlock(pcapng::kEnhancedPacket, out);
  Append32(packet.interface_id, out);
  AppendTime(packet.timestamp, out);
  Append32(Clamp32(packet.bytes.size()), out);
  Append32(packet.original_length, out);
  AppendPadded(packet.bytes, out);
  EndBlock(start, out);
}

void AppendPcapngStatistics(uint32_t interface_id, Timestamp time, const InterfaceCounts& counts,
                            std::string_view comment, std::vector<uint8_t>& out) {
  const size_t start = BeginBlock(pcapng::kInterfaceStatistics, out);
  Append32(interface_id, out);
  AppendTime(time, out);
  AppendTextOption(pcapng::kOptionComment, comment, out);
  AppendCountOption(pcapng::kIsbIfRecv, counts.received, out);
  AppendCountOption(pcapng::kIsbIfDrop, counts.dropped_nic, out);
  AppendCountOption(pcapng::kIsbFilterAccept, counts.received - std::min(counts.filtered, counts.received), out);
  AppendCountOption(pcapng::kIsbOsDrop, counts.dropped_kernel, out);
  AppendCountOption(pcapng::kIsbUsrDeliv, counts.delivered, out);
  if (counts.lost > 0) AppendCountOption(pcapng::kIsbLost, counts.lost, out);
  AppendEndOfOptions(out);
  EndBlock(start, out);
}

}  // namespace dashcap
