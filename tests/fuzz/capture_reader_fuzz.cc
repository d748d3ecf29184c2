#include "packet/capture_reader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "packet/capture_writer.h"
#include "tests/fuzz/target.h"
#include "tests/packet/capture_files.h"
#include "tests/packet/frames.h"

// An input is a capture file.
namespace dashcap {
namespace {

FileDescriptor FileOf(std::span<const uint8_t> bytes) {
  FileDescriptor file(::memfd_create("capture", MFD_CLOEXEC));
  Require(file.valid() && ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
              ::lseek(file.get(), 0, SEEK_SET) == 0,
          "a file in memory can be written");
  return file;
}

struct Stored {
  Timestamp time;
  uint32_t original_length;
  std::string interface_name;
  LinkType link_type;
  Bytes bytes;
  bool operator==(const Stored&) const = default;
};

// Reads to the end or to the damage, checking what the reader promises.
std::vector<Stored> ReadAll(std::span<const uint8_t> bytes, bool& damaged) {
  std::vector<Stored> packets;
  auto reader = OpenCapture(FileOf(bytes), "input");
  damaged = !reader;
  if (!reader) return packets;
  constexpr size_t kSmallestRecord = 12;
  while (true) {
    const uint64_t before = (*reader)->position();
    auto next = (*reader)->Next();
    Require((*reader)->position() >= before && (*reader)->position() <= bytes.size(), "the position stays in the file");
    damaged = !next;
    if (!next) {
      Require(!next.error().message.empty() && !(*reader)->Next(), "an error is told and is final");
      return packets;
    }
    if (!*next) return packets;
    const Packet& packet = **next;
    Require(packet.bytes.size() <= bytes.size(), "a packet is part of its file");
    Require(packet.interface_id < (*reader)->interfaces().size(), "a packet's interface is known");
    const Interface& interface = (*reader)->interfaces()[packet.interface_id];
    Require(packet.link_type == interface.link_type, "a packet has its interface's link type");
    packets.push_back({packet.timestamp, packet.original_length, interface.name, packet.link_type,
                       Bytes(packet.bytes.begin(), packet.bytes.end())});
    Require(packets.size() <= bytes.size() / kSmallestRecord + 1, "each packet takes room in the file");
  }
}

std::string TextOf(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

Packet MakePacket(const Bytes& frame) {
  Packet packet;
  packet.timestamp = FromUnixNanoseconds(1'700'000'000'123'456'789);
  packet.original_length = static_cast<uint32_t>(frame.size());
  packet.bytes = frame;
  return packet;
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  const Bytes frame = Macs() + Hex("08 00") + Ipv4Header("11") + UdpHeader();
  std::vector<std::string> seeds;
  for (const PcapResolution resolution : {PcapResolution::kMicroseconds, PcapResolution::kNanoseconds}) {
    std::vector<uint8_t> pcap;
    AppendPcapHeader(LinkType::kEthernet, 65535, resolution, pcap);
    for (int i = 0; i < 3; i++) AppendPcapPacket(MakePacket(frame), resolution, pcap);
    seeds.push_back(TextOf(pcap));
  }
  std::vector<uint8_t> pcapng;
  AppendPcapngSection("seed", "a comment", pcapng);
  for (const LinkType type : {LinkType::kEthernet, LinkType::kRaw}) {
    Interface interface;
    interface.name = "eth0";
    interface.description = "first";
    interface.filter = "tcp";
    interface.link_type = type;
    interface.snap_length = 96;
    AppendPcapngInterface(interface, pcapng);
  }
  AppendPcapngPacket(MakePacket(frame), pcapng);
  AppendPcapngStatistics(0, FromUnixNanoseconds(1), {1, 2, 3, 4, 5}, "", pcapng);
  // A simple packet block, an obsolete one, and a big-endian section with an interface that counts milliseconds.
  const Bytes more =
      Hex("03000000 14000000 02000000 aabb0000 14000000"
          "02000000 24000000 0000 0000 00000000 01000000 02000000 02000000 aabb0000 24000000"
          "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c"
          "00000001 0000001c 0001 0000 00000000 0009 0001 03000000 00000000 0000001c"
          "00000006 00000024 00000000 00000000 00000007 00000002 00000002 aabb0000 00000024");
  pcapng.insert(pcapng.end(), more.begin(), more.end());
  seeds.push_back(TextOf(pcapng));
  for (const std::string& path : CaptureFiles()) {
    constexpr uint64_t kSmall = 1500;
    if (std::filesystem::file_size(path) > kSmall) continue;
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  bool damaged = false;
  const std::vector<Stored> packets = ReadAll({data, size}, damaged);
  std::vector<uint8_t> copy;
  AppendPcapngSection("", "", copy);
  for (size_t i = 0; i < packets.size(); i++) {
    Interface interface;
    interface.name = packets[i].interface_name;
    interface.link_type = packets[i].link_type;
    AppendPcapngInterface(interface, copy);
    Packet packet;
    packet.timestamp = packets[i].time;
    packet.original_length = packets[i].original_length;
    packet.interface_id = static_cast<uint32_t>(i);
    packet.link_type = packets[i].link_type;
    packet.bytes = packets[i].bytes;
    AppendPcapngPacket(packet, copy);
  }
  std::vector<Stored> expected = packets;
  for (Stored& packet : expected) packet.time = std::max(packet.time, Timestamp{});  // pcapng has no earlier ones
  Require(ReadAll(copy, damaged) == expected && !damaged, "packets that are written again read as they were");
  return 0;
}
