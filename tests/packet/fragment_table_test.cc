#include "packet/fragment_table.h"

#include <gtest/gtest.h>

#include "tests/packet/frames.h"

namespace dashcap {
namespace {

constexpr Timestamp kStart = FromUnixNanoseconds(1'700'000'000'000'000'000);

Decoded Ipv4Fragment(std::string_view flags_and_offset) {
  return Decode(LinkType::kRaw, Ipv4Header("11", flags_and_offset) + UdpHeader());
}

Decoded Ipv6Fragment(std::string_view offset_and_flags, std::string_view next_header = "11") {
  return Decode(LinkType::kRaw, Ipv6Header("2c") + Hex(next_header) + Hex("00") + Hex(offset_and_flags) +
                                    Hex("00 00 00 07") + UdpHeader());
}

Decoded Resolved(FragmentTable& table, Timestamp time, Decoded decoded) {
  table.Resolve(time, decoded);
  return decoded;
}

TEST(FragmentTable, LaterFragmentsGetTheKeyOfTheFirst) {
  FragmentTable table;
  const Decoded first4 = Resolved(table, kStart, Ipv4Fragment("20 00"));
  EXPECT_EQ(Resolved(table, kStart, Ipv4Fragment("20 b9")).key, first4.key);
  EXPECT_EQ(Resolved(table, kStart + std::chrono::seconds(30), Ipv4Fragment("01 72")).key, first4.key);

  // Only the first fragment knows what is behind the destination options (3c) at the front of the datagram.
  Decoded first6 = Decode(
      LinkType::kRaw, Ipv6Header("2c") + Hex("3c 00 00 01 00 00 00 07") + Hex("11 00 01 04 00 00 00 00") + UdpHeader());
  table.Resolve(kStart, first6);
  EXPECT_EQ(first6.key.protocol, 17);
  EXPECT_EQ(Resolved(table, kStart, Ipv6Fragment("00 b8", "3c")).key, first6.key);
}

TEST(FragmentTable, FragmentsOfAnotherDatagramStayAsTheyAre) {
  const auto id = [](Decoded d) {
    d.fragment.id ^= 1;
    return d;
  };
  const auto source = [](Decoded d) {
    d.key.source.bytes[0] ^= 1;
    return d;
  };
  const auto vlan = [](Decoded d) {
    EXPECT_TRUE(d.key.envelope.PushVlan(5));
    return d;
  };
  const auto protocol = [](Decoded d) {
    d.key.protocol = 6;
    return d;
  };
  FragmentTable table;
  Resolved(table, kStart, Ipv4Fragment("20 00"));
  const Decoded later = Ipv4Fragment("00 b9");
  for (const Decoded& other : {id(later), source(later), vlan(later), protocol(later)}) {
    EXPECT_EQ(Resolved(table, kStart, other).key, other.key);
  }
  EXPECT_NE(Resolved(table, kStart, later).key, later.key);
}

TEST(FragmentTable, ForgetsAfterTheLifetimeAndBeforeTheFirstFragment) {
  FragmentTable table;
  const Decoded later = Ipv4Fragment("00 b9");
  EXPECT_FALSE(Resolved(table, kStart, later).key.has_ports);
  Resolved(table, kStart, Ipv4Fragment("20 00"));
  const Nanoseconds too_long = FragmentTable::kFragmentLifetime + Nanoseconds(1);
  EXPECT_FALSE(Resolved(table, kStart + too_long, later).key.has_ports);
  EXPECT_FALSE(Resolved(table, kStart - too_long, later).key.has_ports);
  EXPECT_FALSE(Resolved(table, kMinTimestamp, later).key.has_ports);
  EXPECT_FALSE(Resolved(table, kMaxTimestamp, later).key.has_ports);
  EXPECT_TRUE(Resolved(table, kStart, later).key.has_ports);
}

TEST(FragmentTable, AFloodOfDatagramsOnlyCostsTheirPorts) {
  FragmentTable table;
  Decoded first = Ipv4Fragment("20 00");
  for (uint32_t id = 0; id < 100'000; ++id) {
    first.fragment.id = id;
    table.Resolve(kStart, first);
  }
  Decoded last = Ipv4Fragment("00 b9");
  last.fragment.id = 99'999;
  EXPECT_TRUE(Resolved(table, kStart, last).key.has_ports);
}

}  // namespace
}  // namespace dashcap
