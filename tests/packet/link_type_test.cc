#include "packet/link_type.h"

#include <gtest/gtest.h>

namespace dashcap {
namespace {

// Names as https://www.tcpdump.org/linktypes.html and tcpdump -L have them.
TEST(LinkType, HasTcpdumpsName) {
  const std::pair<int, const char*> cases[] = {{0, "NULL"},          {1, "EN10MB"},      {101, "RAW"},
                                               {108, "LOOP"},        {113, "LINUX_SLL"}, {276, "LINUX_SLL2"},
                                               {228, "IPV4"},        {229, "IPV6"},      {105, "IEEE802_11"},
                                               {100, "ATM_RFC1483"}, {12, "RAW"},        {65000, "LINKTYPE 65000"}};
  for (const auto& [value, name] : cases) EXPECT_EQ(LinkTypeName(static_cast<LinkType>(value)), name) << value;
}

}  // namespace
}  // namespace dashcap
