// config/dashcap.json, which run.sh and packages install.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "config/config.h"
#include "config/config_keys.h"
#include "config/json_text.h"

namespace dashcap {
namespace {

const std::string kPath = DASHCAP_SOURCE_DIR "/config/dashcap.json";

std::string Text() {
  std::ifstream file(kPath);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Values by path; [] stands for any element of a list of objects.
void AddValues(const Json& json, const std::string& path, std::map<std::string, std::string>& values) {
  if (json.is_object()) {
    for (const auto& item : json.items())
      AddValues(item.value(), (path.empty() ? "" : path + ".") + item.key(), values);
  } else if (json.is_array() && !json.empty() && json[0].is_object()) {
    for (const Json& element : json) AddValues(element, path + "[]", values);
  } else {
    values[path] = json.dump();
  }
}

TEST(ShippedConfig, IsAcceptedAndRecordsEth0) {
  const auto config = LoadConfig(kPath);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->capture.size(), 1u);
  EXPECT_EQ(config->capture[0].interface, "eth0");
}

TEST(ShippedConfig, ShowsTheDefaults) {
  const auto json = ParseJsonText(Text(), kPath);
  ASSERT_TRUE(json) << json.error().message;
  std::map<std::string, std::string> values;
  AddValues(*json, "", values);
  EXPECT_EQ(values["capture[].interface"], "\"eth0\"");
  values.erase("capture[].interface");
  std::map<std::string, std::string> defaults;
  for (const ConfigKey& key : ConfigKeys()) defaults[key.path] = key.default_value;
  EXPECT_GE(values.size(), 10u);
  for (const auto& [path, value] : values) EXPECT_EQ(value, defaults[path]) << path;
}

// run.sh puts the interface in place of each "eth0".
TEST(ShippedConfig, NamesTheInterfaceOnce) {
  const std::string text = Text();
  const size_t first = text.find("\"eth0\"");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("\"eth0\"", first + 1), std::string::npos);
}

}  // namespace
}  // namespace dashcap
