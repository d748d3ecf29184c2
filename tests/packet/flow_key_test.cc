#include "packet/flow_key.h"

#include <gtest/gtest.h>

#include "tests/packet/frames.h"

namespace dashcap {
namespace {

Address Ip(std::string_view text) { return ParseIpAddress(text).value(); }

FlowKey Key(std::string_view source, uint16_t source_port, std::string_view destination, uint16_t destination_port) {
  FlowKey key;
  key.source = Ip(source);
  key.destination = Ip(destination);
  key.source_port = source_port;
  key.destination_port = destination_port;
  key.ether_type = key.source.kind == AddressKind::kIpv4 ? 0x0800 : 0x86dd;
  key.protocol = 6;
  key.has_ports = true;
  return key;
}

TEST(FlowKey, BothDirectionsHaveOneCanonicalKey) {
  FlowKey tunnelled = Key("10.0.0.9", 9, "10.0.0.9", 9);
  ASSERT_TRUE(tunnelled.envelope.PushVlan(7));
  ASSERT_TRUE(tunnelled.envelope.PushIp(4, Ip("192.0.2.2"), Ip("192.0.2.1")));
  const FlowKey keys[] = {Key("10.0.0.1", 1000, "10.0.0.2", 80), Key("10.0.0.2", 80, "10.0.0.1", 1000),
                          Key("10.0.0.1", 80, "10.0.0.1", 79),   Key("2001:db8::2", 1, "2001:db8::1", 2),
                          Key("10.0.0.1", 5, "10.0.0.1", 5),     tunnelled};
  for (const FlowKey& key : keys) {
    SCOPED_TRACE(FormatAddress(key.source) + " " + std::to_string(key.source_port));
    FlowKey forward = key;
    FlowKey backward = Reversed(key);
    const bool forward_reversed = Canonicalize(forward);
    const bool backward_reversed = Canonicalize(backward);
    EXPECT_EQ(forward, backward);
    EXPECT_EQ(forward, forward_reversed ? Reversed(key) : key);
    EXPECT_EQ(Reversed(Reversed(key)), key);
    // One of the two directions is the canonical one, unless they can't be told apart.
    EXPECT_EQ(forward_reversed != backward_reversed, !(key == Reversed(key)));
    FlowKey again = forward;
    EXPECT_FALSE(Canonicalize(again));
  }
}

TEST(FlowKey, LowerAddressThenLowerPortComesFirst) {
  FlowKey key = Key("10.0.0.2", 1, "10.0.0.1", 2);
  EXPECT_TRUE(Canonicalize(key));
  EXPECT_EQ(key, Key("10.0.0.1", 2, "10.0.0.2", 1));
  key = Key("10.0.0.1", 2, "10.0.0.1", 1);
  EXPECT_TRUE(Canonicalize(key));
  EXPECT_EQ(key, Key("10.0.0.1", 1, "10.0.0.1", 2));
}

TEST(Envelope, ListsWhatWasPushedInOrder) {
  Envelope envelope;
  EXPECT_TRUE(envelope.empty());
  ASSERT_TRUE(envelope.PushVlan(0x0fff));
  ASSERT_TRUE(envelope.PushMpls(0xfffff));
  ASSERT_TRUE(envelope.PushProtocol(51));
  ASSERT_TRUE(envelope.PushIp(4, Ip("192.0.2.1"), Ip("192.0.2.2")));
  ASSERT_TRUE(envelope.PushIp(41, Ip("2001:db8::1"), Ip("2001:db8::2")));
  const auto items = ItemsOf(envelope);
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].kind, Envelope::kVlan);
  EXPECT_EQ(items[0].value, 0x0fffu);
  EXPECT_EQ(items[1].kind, Envelope::kMpls);
  EXPECT_EQ(items[1].value, 0xfffffu);
  EXPECT_EQ(items[2].kind, Envelope::kProtocol);
  EXPECT_EQ(items[2].value, 51u);
  EXPECT_EQ(items[3].kind, Envelope::kIpv4);
  EXPECT_EQ(items[3].value, 4u);
  EXPECT_EQ(items[3].source, Ip("192.0.2.1"));
  EXPECT_EQ(items[3].destination, Ip("192.0.2.2"));
  EXPECT_EQ(items[4].kind, Envelope::kIpv6);
  EXPECT_EQ(items[4].destination, Ip("2001:db8::2"));
}

// The layout that flow_key.h promises, because index tables keep these bytes.
TEST(Envelope, HasTheDocumentedBytes) {
  Envelope envelope;
  ASSERT_TRUE(envelope.PushVlan(5));
  ASSERT_TRUE(envelope.PushMpls(16));
  ASSERT_TRUE(envelope.PushIp(4, Ip("10.0.0.1"), Ip("10.0.0.2")));
  const auto bytes = envelope.bytes();
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), Hex("01 0005  02 00000010  04 04 0a000001 0a000002"));

  Envelope copy;
  ASSERT_TRUE(copy.Assign(bytes));
  EXPECT_EQ(copy, envelope);
}

TEST(Envelope, TakesNoMoreThanFits) {
  Envelope envelope;
  size_t pushed = 0;
  while (envelope.PushIp(41, Ip("2001:db8::1"), Ip("2001:db8::2"))) ++pushed;
  EXPECT_EQ(pushed, 3u);
  while (envelope.PushMpls(1)) ++pushed;
  while (envelope.PushVlan(1)) ++pushed;
  while (envelope.PushProtocol(51)) ++pushed;
  EXPECT_EQ(ItemsOf(envelope).size(), pushed);
  EXPECT_LE(envelope.bytes().size(), Envelope::kCapacity);
  EXPECT_GE(envelope.bytes().size() + 2, Envelope::kCapacity) << "room for the smallest item was left";
}

TEST(Envelope, RefusesBytesThatAreNotOne) {
  const Bytes bad[] = {Hex("00"),          Hex("05 00"),
                       Hex("01 00"),       Hex("01 10 00"),
                       Hex("02 00 00 00"), Hex("02 00100000"),
                       Hex("03"),          Hex("04 04 0a000001 0a0000"),
                       Hex("01 0005 07"),  Bytes(Envelope::kCapacity + 2, Envelope::kProtocol)};
  for (const Bytes& bytes : bad) {
    Envelope envelope;
    ASSERT_TRUE(envelope.PushVlan(1));
    EXPECT_FALSE(envelope.Assign(bytes)) << testing::PrintToString(bytes);
    EXPECT_TRUE(envelope.empty());
  }
}

TEST(Envelope, ReversesOnlyIpHeaders) {
  Envelope envelope, expected;
  ASSERT_TRUE(envelope.PushVlan(1) && envelope.PushIp(41, Ip("2001:db8::1"), Ip("2001:db8::2")) &&
              envelope.PushMpls(3) && envelope.PushIp(4, Ip("10.0.0.1"), Ip("10.0.0.2")));
  ASSERT_TRUE(expected.PushVlan(1) && expected.PushIp(41, Ip("2001:db8::2"), Ip("2001:db8::1")) &&
              expected.PushMpls(3) && expected.PushIp(4, Ip("10.0.0.2"), Ip("10.0.0.1")));
  envelope.Reverse();
  EXPECT_EQ(envelope, expected);
}

}  // namespace
}  // namespace dashcap
