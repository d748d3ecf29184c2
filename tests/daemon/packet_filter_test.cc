#include "daemon/packet_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <string>

namespace dashcap {
namespace {

using Direction = PacketFilter::Direction;
using Bytes = std::vector<uint8_t>;

std::vector<sock_filter> Compiled(const std::string& text) {
  pcap_t* handle = pcap_open_dead(DLT_EN10MB, 262144);
  bpf_program program{};
  EXPECT_EQ(pcap_compile(handle, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0) << pcap_geterr(handle);
  const auto* code = reinterpret_cast<const sock_filter*>(program.bf_insns);
  std::vector<sock_filter> copy(code, code + program.bf_len);
  pcap_freecode(&program);
  pcap_close(handle);
  return copy;
}

// A UDP datagram from 10.0.0.1:1000 to 10.0.0.2:53.
Bytes Datagram() {
  Bytes bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
  const Bytes ip = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 232, 0, 53, 0, 8, 0, 0};
  bytes.insert(bytes.end(), ip.begin(), ip.end());
  bytes.resize(60);
  return bytes;
}

bool Accepts(const PacketFilter& filter, const Bytes& packet, PacketFilter::Ancillary ancillary = {}) {
  Bytes with_room(PacketFilter::kRoom);
  with_room.insert(with_room.end(), packet.begin(), packet.end());
  const std::span<uint8_t> bytes = std::span(with_room).subspan(PacketFilter::kRoom);
  const bool accepted = filter.Accepts(bytes, static_cast<uint32_t>(packet.size()), ancillary);
  EXPECT_TRUE(std::equal(packet.begin(), packet.end(), bytes.begin()));
  return accepted;
}

TEST(PacketFilterTest, SaysHereWhatLibpcapSaysOfThePacket) {
  const Bytes packet = Datagram();
  for (const char* text : {"udp", "tcp", "port 53", "src port 53", "dst port 53", "host 10.0.0.2", "src host 10.0.0.2",
                           "ether src 02:00:00:00:00:01", "greater 60", "greater 61", "ip[8] = 64", "ip[2:2] = 29",
                           "udp[4:2] = 8", "ip6", "not (udp and net 10.0.0.0/30)", "ether[1000] = 0", "len = 60"}) {
    std::vector<sock_filter> program = Compiled(text);
    const bool expected = bpf_filter(reinterpret_cast<const bpf_insn*>(program.data()), packet.data(),
                                     static_cast<u_int>(packet.size()), static_cast<u_int>(packet.size())) != 0;
    const PacketFilter filter(program, PacketFilter::Runs::kAnywhere);
    ASSERT_TRUE(filter.runs_here()) << text;
    EXPECT_EQ(Accepts(filter, packet), expected) << text;
  }
}

// What libpcap makes of "vlan 5" while capturing: it looks beside the packet.
TEST(PacketFilterTest, SeesTheTagAndTheDirectionThatTheKernelKnows) {
  const auto ancillary = [](int which) { return static_cast<uint32_t>(SKF_AD_OFF + which); };
  const PacketFilter vlan_5({{BPF_LD | BPF_B | BPF_ABS, 0, 0, ancillary(SKF_AD_VLAN_TAG_PRESENT)},
                             {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 1},
                             {BPF_LD | BPF_H | BPF_ABS, 0, 0, ancillary(SKF_AD_VLAN_TAG)},
                             {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xfff},
                             {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5},
                             {BPF_RET | BPF_K, 0, 0, 1},
                             {BPF_RET | BPF_K, 0, 0, 0}},
                            PacketFilter::Runs::kAnywhere);
  EXPECT_FALSE(Accepts(vlan_5, Datagram()));
  EXPECT_FALSE(Accepts(vlan_5, Datagram(), {0, true, 6}));
  EXPECT_TRUE(Accepts(vlan_5, Datagram(), {0, true, 5}));
  EXPECT_TRUE(Accepts(vlan_5, Datagram(), {0, true, 0xE005}));
  const PacketFilter outbound({{BPF_LD | BPF_W | BPF_ABS, 0, 0, ancillary(SKF_AD_PKTTYPE)},
                               {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PACKET_OUTGOING},
                               {BPF_RET | BPF_K, 0, 0, 1},
                               {BPF_RET | BPF_K, 0, 0, 0}},
                              PacketFilter::Runs::kAnywhere);
  EXPECT_FALSE(Accepts(outbound, Datagram(), {PACKET_HOST, false, 0}));
  EXPECT_TRUE(Accepts(outbound, Datagram(), {PACKET_OUTGOING, false, 0}));
}

TEST(PacketFilterTest, ThatAsksForWhatOnlyTheKernelKnowsRunsThereOnly) {
  const PacketFilter filter(
      {{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_CPU)}, {BPF_RET | BPF_A, 0, 0, 0}},
      PacketFilter::Runs::kAnywhere);
  EXPECT_FALSE(filter.runs_here());
  EXPECT_FALSE(filter.KernelProgram(100, Direction::kBoth).empty());
}

TEST(PacketFilterTest, LeavesOutWhatTheKernelCannotRun) {
  const std::vector<sock_filter> longest(BPF_MAXINSNS, {BPF_RET | BPF_K, 0, 0, 1});
  EXPECT_TRUE(PacketFilter(longest, PacketFilter::Runs::kAnywhere).KernelProgram(100, Direction::kIn).empty());
  const std::vector<sock_filter> shorter(longest.begin(), longest.end() - 5);
  EXPECT_FALSE(PacketFilter(shorter, PacketFilter::Runs::kAnywhere).KernelProgram(100, Direction::kBoth).empty());
  EXPECT_TRUE(PacketFilter(shorter, PacketFilter::Runs::kHere).KernelProgram(100, Direction::kBoth).empty());
}

TEST(PacketFilterTest, CutsToTheSnapLengthInTheKernel) {
  for (const uint32_t snap_length : {64u, 262144u, 1048576u}) {
    const auto program =
        PacketFilter(Compiled("udp"), PacketFilter::Runs::kAnywhere).KernelProgram(snap_length, Direction::kBoth);
    std::vector<uint32_t> returned;
    for (const sock_filter& instruction : program) {
      if (instruction.code == (BPF_RET | BPF_K)) returned.push_back(instruction.k);
    }
    EXPECT_THAT(returned, testing::Each(testing::AnyOf(0u, snap_length)));
    EXPECT_THAT(returned, testing::Contains(snap_length));
  }
}

TEST(PacketFilterTest, ThatIsNoneAcceptsEverything) {
  EXPECT_TRUE(PacketFilter().accepts_all());
  EXPECT_TRUE(Accepts(PacketFilter(), Datagram()));
  EXPECT_TRUE(Accepts(PacketFilter(), {}));
}

}  // namespace
}  // namespace dashcap
