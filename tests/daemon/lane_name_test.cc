#include "daemon/lane_name.h"

#include <gtest/gtest.h>

namespace dashcap {
namespace {

TEST(LaneName, IsTheSourcesNameWhereThatIsSafe) {
  const struct {
    const char* source;
    const char* directory;
  } cases[] = {
      {"eth0", "eth0"},
      {"eth0.100", "eth0.100"},
      {"netmap:eth0", "netmap:eth0"},
      {"zc:eth0@1", "zc:eth0@1"},
      {"eth0,eth1", "eth0,eth1"},
      {"nflog:5", "nflog:5"},
      {"vale0:p{1", "vale0:p{1"},
      {"a/b", "a%2Fb"},
      {"a_b", "a_b"},
      {"a%2Fb", "a%252Fb"},
      {".", "%2E"},
      {"..", "%2E."},
      {".eth0", "%2Eeth0"},
      {"../../etc", "%2E.%2F..%2Fetc"},
      {"rdma dev\n", "rdma%20dev%0A"},
  };
  for (const auto& [source, directory] : cases) EXPECT_EQ(LaneName(source), directory) << source;
}

TEST(LaneName, StaysShortAndDistinct) {
  const std::string alike(300, 'x');
  EXPECT_EQ(LaneName(alike + "1").size(), 209U);
  EXPECT_NE(LaneName(alike + "1"), LaneName(alike + "2"));
  EXPECT_EQ(LaneName(alike + "1"), LaneName(alike + "1"));
}

}  // namespace
}  // namespace dashcap
