#include "packet/inner_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/packet/frames.h"

namespace dashcap {
namespace {

using ::testing::ElementsAre;

TEST(InnerLayers, ATaggedFrameHasALayerBehindEachTag) {
  const Bytes frame = Macs() + Hex("88 a8 00 64 81 00 00 07 08 00") + Ipv4Header("11") + UdpHeader();
  EXPECT_THAT(LayersOf(LinkType::kEthernet, frame),
              ElementsAre(Layer{0x88a8, 14}, Layer{0x8100, 18}, Layer{0x0800, 22}));
}

TEST(InnerLayers, WithoutItsTagsAFrameIsAPlainOne) {
  const Bytes packet = Ipv4Header("11") + UdpHeader();
  const Bytes frame = Macs() + Hex("81 00 00 07 08 00") + packet;
  EXPECT_EQ(WithoutOuterLayers(LinkType::kEthernet, frame, {0x0800, 18}), Macs() + Hex("08 00") + packet);
}

TEST(InnerLayers, LabelsAndTunnelsAreLeftOut) {
  const Bytes inner = Ipv6Header("06") + TcpHeader();
  const Bytes frame = Macs() + Hex("88 47  00 01 01 40") + Ipv4Header("29") + inner;
  const std::vector<Layer> layers = LayersOf(LinkType::kEthernet, frame);
  ASSERT_THAT(layers, ElementsAre(Layer{0x8847, 14}, Layer{0x0800, 18}, Layer{0x86dd, 38}));
  EXPECT_EQ(WithoutOuterLayers(LinkType::kEthernet, frame, layers[1]),
            Macs() + Hex("08 00") + Ipv4Header("29") + inner);
  EXPECT_EQ(WithoutOuterLayers(LinkType::kEthernet, frame, layers[2]), Macs() + Hex("86 dd") + inner);
}

TEST(InnerLayers, EachLinkLayerKeepsItsHeader) {
  const Bytes inner = Ipv4Header("11") + UdpHeader();
  const Bytes outer = Ipv4Header("04");
  const Bytes sll = Hex("00 00 00 01 00 06 02 00 00 00 00 01 00 00");
  EXPECT_EQ(WithoutOuterLayers(LinkType::kLinuxSll, sll + Hex("08 00") + outer + inner, {0x0800, 36}),
            sll + Hex("08 00") + inner);
  const Bytes sll2 = Hex("00 00 00 00 00 02 00 01 00 06 02 00 00 00 00 01 00 00");
  EXPECT_EQ(WithoutOuterLayers(LinkType::kLinuxSll2, Hex("81 00") + sll2 + Hex("00 07 08 00") + inner, {0x0800, 24}),
            Hex("08 00") + sll2 + inner);
  EXPECT_EQ(WithoutOuterLayers(LinkType::kRaw, outer + inner, {0x0800, 20}), inner);
}

}  // namespace
}  // namespace dashcap
