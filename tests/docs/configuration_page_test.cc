// docs/configuration.md has one table row for each key that the programs read, and no other.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "config/config_keys.h"

namespace dashcap {
namespace {

std::string EscapeBars(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string RowOf(const ConfigKey& key) {
  const std::string value = key.default_value == "required" ? "required" : "`" + key.default_value + "`";
  return "| `" + key.path + "` | " + value + " | " + EscapeBars(key.allowed) + " | " + EscapeBars(key.meaning) + " |";
}

TEST(ConfigurationPage, ListsEveryKeyAsTheProgramsReadIt) {
  std::ifstream page(DASHCAP_SOURCE_DIR "/docs/configuration.md");
  std::vector<std::string> rows;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) rows.push_back(line);
  }
  std::vector<std::string> expected;
  for (const ConfigKey& key : ConfigKeys()) expected.push_back(RowOf(key));
  std::string shown;
  for (const std::string& row : expected) shown += row + "\n";
  EXPECT_EQ(rows, expected) << "the table has to read:\n" << shown;
}

}  // namespace
}  // namespace dashcap
