#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstring>
#include <fstream>
#include <memory>

#include "packet/capture_reader.h"
#include "tests/packet/capture_files.h"

namespace dashcap {
namespace {

struct PcapCloser {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};
using PcapHandle = std::unique_ptr<pcap_t, PcapCloser>;

// The fields of a pcap record are unsigned (draft-ietf-opsawg-pcap, and so tshark shows them); libpcap 1.10 reads them
// as signed.
int64_t TimeOf(const pcap_pkthdr& header, int64_t nanoseconds_per_tick) {
  if (header.ts.tv_sec >= 0 && header.ts.tv_usec >= 0) {
    return header.ts.tv_sec * int64_t{1'000'000'000} + header.ts.tv_usec;
  }
  const auto ticks = static_cast<uint32_t>(header.ts.tv_usec / nanoseconds_per_tick);
  return static_cast<uint32_t>(header.ts.tv_sec) * int64_t{1'000'000'000} + ticks * nanoseconds_per_tick;
}

int64_t NanosecondsPerTick(const std::string& path) {
  std::string magic(4, '\0');
  std::ifstream(path, std::ios::binary).read(magic.data(), 4);
  return magic == "\xa1\xb2\x3c\x4d" || magic == "\x4d\x3c\xb2\xa1" ? 1 : 1000;
}

// libpcap cuts packets to the snap length in the file's header; a packet is what the file holds, so we don't.
void ExpectSame(const Packet& ours, const pcap_pkthdr& header, const u_char* bytes, size_t snap_length,
                int64_t nanoseconds_per_tick) {
  EXPECT_EQ(ToUnixNanoseconds(ours.timestamp), TimeOf(header, nanoseconds_per_tick));
  EXPECT_EQ(ours.original_length, header.len);
  ASSERT_EQ(std::min(ours.bytes.size(), snap_length), header.caplen);
  EXPECT_EQ(std::memcmp(ours.bytes.data(), bytes, header.caplen), 0) << "bytes differ";
}

// Reads with libpcap and with ours side by side. False when libpcap refused what we read.
bool LibpcapAgrees(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE];
  const PcapHandle pcap(pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (!pcap) return false;
  const auto reader = OpenCapture(path);
  if (!reader) {
    ADD_FAILURE() << reader.error().message;
    return true;
  }
  const int64_t nanoseconds_per_tick = NanosecondsPerTick(path);
  for (int number = 1;; ++number) {
    SCOPED_TRACE("packet " + std::to_string(number));
    pcap_pkthdr* header;
    const u_char* bytes;
    const int got = pcap_next_ex(pcap.get(), &header, &bytes);
    const auto packet = (*reader)->Next();
    if (got == PCAP_ERROR) return !packet;
    if (got == PCAP_ERROR_BREAK) {
      EXPECT_TRUE(packet && !*packet) << "there is more behind libpcap's last packet";
      return true;
    }
    if (!packet || !*packet) {
      ADD_FAILURE() << (packet ? "end of file" : packet.error().message);
      return true;
    }
    ExpectSame(**packet, *header, bytes, static_cast<size_t>(pcap_snapshot(pcap.get())), nanoseconds_per_tick);
  }
}

// "time captured original" of each packet. tshark also lists custom blocks, which have no interface, and prints nothing
// for the time of a simple packet.
std::vector<std::string> TsharkPackets(const std::string& path) {
  const std::string command = "tshark -n -r '" + path +
                              "' -T fields -e frame.time_epoch -e frame.cap_len -e frame.len"
                              " -Y frame.interface_id -E separator=/s 2>/dev/null";
  std::vector<std::string> lines;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  char line[256];
  while (fgets(line, sizeof line, pipe.get())) {
    lines.push_back((line[0] == ' ' ? "0.000000000" : "") + std::string(line, std::strcspn(line, "\n")));
  }
  return lines;
}

std::vector<std::string> OurPackets(const std::string& path) {
  std::vector<std::string> lines;
  const auto reader = OpenCapture(path);
  EXPECT_TRUE(reader) << reader.error().message;
  while (reader) {
    const auto packet = (*reader)->Next();
    EXPECT_TRUE(packet) << packet.error().message;
    if (!packet || !*packet) break;
    const int64_t time = ToUnixNanoseconds((*packet)->timestamp);
    lines.push_back(fmt::format("{}.{:09} {} {}", time / 1'000'000'000, time % 1'000'000'000, (*packet)->bytes.size(),
                                (*packet)->original_length));
  }
  return lines;
}

TEST(CaptureReaderOnRealCaptures, GivesThePacketsThatLibpcapGives) {
  const std::vector<std::string> files = CaptureFiles();
  if (files.empty()) GTEST_SKIP() << "no captures: set DASHCAP_CAPTURES";
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    if (LibpcapAgrees(file)) continue;
    // Interfaces that differ in link type or snap length, or none at all: libpcap has no way to say so to its callers.
    EXPECT_EQ(OurPackets(file), TsharkPackets(file));
  }
}

}  // namespace
}  // namespace dashcap
