#include "packet/filter_program.h"

#include <gtest/gtest.h>

#include "tests/packet/frames.h"

namespace dashcap {
namespace {

constexpr auto kWlan = static_cast<LinkType>(105);

TEST(FilterProgram, AcceptsWhatTheFilterSays) {
  const auto program = FilterProgram::Compile("udp dst port 53", LinkType::kEthernet);
  ASSERT_TRUE(program) << program.error().message;
  const Bytes frame = Macs() + Hex("08 00") + Ipv4Header("11") + UdpHeader();
  EXPECT_TRUE(program->Accepts(frame, 100));
  EXPECT_FALSE(program->Accepts(Macs() + Hex("08 00") + Ipv4Header("06") + UdpHeader(), 100));
}

TEST(FilterProgram, AsksForTheLengthOnTheWire) {
  const auto program = FilterProgram::Compile("len = 1500", LinkType::kRaw);
  ASSERT_TRUE(program);
  EXPECT_TRUE(program->Accepts(Ipv4Header("11"), 1500));
  EXPECT_FALSE(program->Accepts(Ipv4Header("11"), 1501));
}

TEST(FilterProgram, WhatALinkTypeDoesNotHaveIsAnError) {
  EXPECT_TRUE(FilterProgram::Compile("type mgt", kWlan));
  const auto program = FilterProgram::Compile("type mgt", LinkType::kEthernet);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(program.error().message, "filter \"type mgt\": 802.11 link-layer types supported only on 802.11");
  // Only the kernel knows the direction of an Ethernet frame.
  EXPECT_FALSE(FilterProgram::Compile("inbound", LinkType::kEthernet));
  EXPECT_TRUE(FilterProgram::Compile("inbound", LinkType::kLinuxSll));
}

TEST(FilterProgram, WhatNothingCanPassIsNoError) {
  const auto program = FilterProgram::Compile("1 = 2", LinkType::kEthernet);
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_FALSE(program->Accepts(Macs() + Hex("08 00"), 60));
}

TEST(FilterProgram, APacketCutBeforeTheByteAskedForIsNotAccepted) {
  const auto program = FilterProgram::Compile("ip[19] = 2", LinkType::kEthernet);
  const auto opposite = FilterProgram::Compile("not ip[19] = 2", LinkType::kEthernet);
  ASSERT_TRUE(program && opposite);
  Bytes frame = Macs() + Hex("08 00") + Ipv4Header("11");
  EXPECT_TRUE(program->Accepts(frame, 100));
  frame.pop_back();
  EXPECT_FALSE(program->Accepts(frame, 100));
  EXPECT_FALSE(opposite->Accepts(frame, 100));
}

}  // namespace
}  // namespace dashcap
