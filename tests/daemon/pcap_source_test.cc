#include "daemon/pcap_source.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

namespace dashcap {
namespace {

// The expected values stand in tcpdump.org/linktypes.html.
TEST(FileLinkType, IsTheLinkTypeOfFiles) {
  const struct {
    int dlt;
    int link_type;
  } cases[] = {
      {DLT_EN10MB, 1},
      {DLT_NULL, 0},
      {DLT_RAW, 101},
      {DLT_ATM_RFC1483, 100},
      {DLT_IEEE802_11_RADIO, 127},
      {DLT_LINUX_SLL, 113},
      {DLT_LINUX_SLL2, 276},
      {DLT_USB_LINUX_MMAPPED, 220},
      {DLT_NFLOG, 239},
      {DLT_SLIP_BSDOS, 102},
      {DLT_PPP_BSDOS, 103},
      {DLT_ATM_CLIP, 106},
      {DLT_USER0, 147},
  };
  for (const auto& [dlt, link_type] : cases) {
    const Result<LinkType> found = FileLinkType(dlt);
    ASSERT_TRUE(found) << dlt << ": " << found.error().message;
    EXPECT_EQ(static_cast<int>(*found), link_type) << dlt;
  }
}

TEST(FileLinkType, RefusesWhatNoFileHas) {
  const Result<LinkType> found = FileLinkType(9999);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kInvalidInput);
}

TEST(Continue, CountsOnOverAWrapAndAfterARestart) {
  EXPECT_EQ(Continue(0, 0, 5), 5U);
  EXPECT_EQ(Continue(5, 5, 5), 5U);
  EXPECT_EQ(Continue(4294967290, 4294967290, 10), 4294967306U) << "wrapped";
  EXPECT_EQ(Continue(1000, 1000, 7), 1007U) << "began again";
}

TEST(PcapSource, SaysWhatTheDeviceHasInstead) {
  PcapOptions timestamps;
  timestamps.device = "lo";
  timestamps.timestamp_type = "sundial";
  PcapOptions monitor;
  monitor.device = "lo";
  monitor.monitor_mode = true;
  const struct {
    PcapOptions options;
    const char* beginning;
  } cases[] = {
      {timestamps, "device lo: has no timestamp type \"sundial\", but: "},
      {monitor, "device lo: has no monitor mode"},
  };
  for (const auto& [options, beginning] : cases) {
    const auto source = OpenPcap(options);
    ASSERT_FALSE(source) << beginning;
    EXPECT_EQ(source.error().kind, ErrorKind::kInvalidInput) << source.error().message;
    EXPECT_TRUE(source.error().message.starts_with(beginning)) << source.error().message;
  }
}

}  // namespace
}  // namespace dashcap
