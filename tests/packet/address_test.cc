#include "packet/address.h"

#include <gtest/gtest.h>

namespace dashcap {
namespace {

TEST(Address, PrintsIpv6AsRfc5952Wants) {
  struct Case {
    const char* text;
    const char* canonical;
  };
  // The section of RFC 5952 that each comes from.
  const Case cases[] = {
      {"2001:0db8::0001", "2001:db8::1"},                // 4.1 leading zeros
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},         // 4.2.1 shorten as much as possible
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2 one 16-bit zero stays
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3 the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3 the first of equal runs
      {"2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:FFFF", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"},  // 4.3 lower case
      {"::FFFF:192.0.2.1", "::ffff:192.0.2.1"},                                              // 5 mixed notation
      {"::", "::"},
      {"::1", "::1"},
  };
  for (const Case& c : cases) {
    const auto address = ParseIpAddress(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(FormatAddress(*address), c.canonical) << c.text;
    EXPECT_EQ(ParseIpAddress(FormatAddress(*address)).value(), *address) << c.text;
  }
}

TEST(Address, PrintsIpv4AndMac) {
  const std::array<uint8_t, 4> ip = {192, 0, 2, 1};
  const std::array<uint8_t, 6> mac = {0x02, 0, 0, 0xab, 0xcd, 0xef};
  EXPECT_EQ(FormatAddress(Address::Ipv4(ip)), "192.0.2.1");
  EXPECT_EQ(ParseIpAddress("192.0.2.1").value(), Address::Ipv4(ip));
  EXPECT_EQ(FormatAddress(Address::Mac(mac)), "02:00:00:ab:cd:ef");
  EXPECT_EQ(FormatAddress(Address()), "");
}

TEST(Address, RefusesWhatIsNoAddress) {
  for (const std::string text : {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "10.0.0.1 ", "::g", "1::2::3", "example.org",
                                 "1.2.3.4/8", "02:00:00:00:00:01"}) {
    const auto address = ParseIpAddress(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().message, "address \"" + text + "\": expected an IPv4 or IPv6 address");
  }
  EXPECT_FALSE(ParseIpAddress(std::string_view("10.0.0.1\0x", 10)));
}

TEST(Network, HoldsTheAddressesBetweenFirstAndLast) {
  struct Case {
    const char* base;
    uint8_t length;
    const char* last;
    std::vector<const char*> inside;
    std::vector<const char*> outside;
  };
  const Case cases[] = {
      {"10.0.0.0",
       8,
       "10.255.255.255",
       {"10.0.0.0", "10.1.2.3", "10.255.255.255"},
       {"9.255.255.255", "11.0.0.0", "::"}},
      {"192.0.2.64", 26, "192.0.2.127", {"192.0.2.64", "192.0.2.127"}, {"192.0.2.63", "192.0.2.128"}},
      {"192.0.2.1", 32, "192.0.2.1", {"192.0.2.1"}, {"192.0.2.0", "192.0.2.2"}},
      {"0.0.0.0", 0, "255.255.255.255", {"0.0.0.0", "255.255.255.255"}, {"::"}},
      {"fe80::", 10, "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", {"fe80::1", "febf::1"}, {"fec0::", "fe7f::"}},
      {"2001:db8::1", 128, "2001:db8::1", {"2001:db8::1"}, {"2001:db8::2"}},
      {"::", 0, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", {"::", "ffff::"}, {"0.0.0.0"}},
  };
  for (const Case& c : cases) {
    const Network network{ParseIpAddress(c.base).value(), c.length};
    EXPECT_EQ(FormatNetwork(network), std::string(c.base) + "/" + std::to_string(c.length));
    EXPECT_EQ(FormatAddress(network.first()), c.base);
    EXPECT_EQ(FormatAddress(network.last()), c.last) << c.base;
    for (const char* address : c.inside) EXPECT_TRUE(network.Contains(*ParseIpAddress(address))) << c.base << address;
    for (const char* address : c.outside) EXPECT_FALSE(network.Contains(*ParseIpAddress(address))) << c.base << address;
  }
}

}  // namespace
}  // namespace dashcap
