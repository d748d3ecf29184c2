#include "storage/catalog.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/storage/temporary_directory.h"
#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

TEST(CatalogTest, NamesAreReadAsTheyAreWritten) {
  for (const int64_t start : {int64_t{0}, int64_t{1}, int64_t{1'795'492'168'144'787'000}, INT64_MAX}) {
    for (const bool open : {false, true}) {
      const std::string name = BlockfileName(FromUnixNanoseconds(start), open, Packing::kPlain);
      const auto entry = ParseBlockfileName("/archive/lane0", name);
      ASSERT_TRUE(entry) << name;
      EXPECT_EQ(ToUnixNanoseconds(entry->start), start);
      EXPECT_EQ(entry->open, open);
      EXPECT_EQ(entry->lane, "lane0");
      EXPECT_EQ(entry->path(), "/archive/lane0/" + name);
    }
  }
  EXPECT_EQ(BlockfileName(FromUnixNanoseconds(1'795'492'168'144'787'000), true, Packing::kPlain),
            ".1795492168144787000.pcapng");
  EXPECT_EQ(BlockfileName(FromUnixNanoseconds(5), false, Packing::kPlain), "0000000000000000005.pcapng");
  EXPECT_EQ(BlockfileName(FromUnixNanoseconds(-5), false, Packing::kPlain), "0000000000000000000.pcapng");
  EXPECT_EQ(ParseBlockfileName("/a/b", ".1795492168144787000.pcapng")->index_path(), "/a/b/1795492168144787000.index");
}

TEST(CatalogTest, OtherNamesAreNotOurs) {
  for (const char* name :
       {"", ".", ".pcapng", "1.pcapng", "1795492168144787000", "1795492168144787000.pcap", "1795492168144787000.index",
        "17954921681447870000.pcapng", "179549216814478700.pcapng", "-795492168144787000.pcapng",
        "+795492168144787000.pcapng", "179549216814478700x.pcapng", "9999999999999999999.pcapng",
        "..1795492168144787000.pcapng", "1795492168144787000.pcapng~", " 795492168144787000.pcapng"}) {
    EXPECT_FALSE(ParseBlockfileName("/a/b", name)) << name;
  }
}

class ListTest : public testing::Test {
 protected:
  void Make(const std::string& path, size_t bytes = 3) {
    fs::create_directories(fs::path(archive_.path() + "/" + path).parent_path());
    WriteBytes(archive_.path() + "/" + path, std::string(bytes, 'x'));
  }
  std::vector<std::string> Listed() const {
    const auto files = ListArchive(archive_.path());
    EXPECT_TRUE(files) << files.error().message;
    std::vector<std::string> names;
    for (const BlockfileEntry& file : *files) {
      names.push_back(file.path().substr(archive_.path().size() + 1) + (file.has_index ? " indexed" : "") + " " +
                      std::to_string(file.bytes));
    }
    return names;
  }

  const TemporaryDirectory archive_;
};

TEST_F(ListTest, BlockfilesOfAllLanesOldestFirst) {
  Make("b/1600000000000000002.pcapng", 5);
  Make("a/1600000000000000003.pcapng");
  Make("a/1600000000000000001.pcapng");
  Make("a/1600000000000000001.index", 20);
  Make("a/.1600000000000000004.pcapng", 7);
  Make("a/.1600000000000000004.index");
  Make("a/1600000000000000002.pcapng");
  EXPECT_EQ(Listed(), (std::vector<std::string>{"a/1600000000000000001.pcapng indexed 23",
                                                "a/1600000000000000002.pcapng 3", "b/1600000000000000002.pcapng 5",
                                                "a/1600000000000000003.pcapng 3", "a/.1600000000000000004.pcapng 7"}));
}

TEST_F(ListTest, WhatIsNotOursIsPassedOver) {
  Make("notes.txt");
  Make("lane/notes.txt");
  Make("lane/1600000000000000001.pcapng.bak");
  Make(".hidden/1600000000000000001.pcapng");
  Make("lost+found/1600000000000000001.pcapng");
  Make("elsewhere/1600000000000000001.txt");
  fs::create_directories(archive_.path() + "/lane/1600000000000000002.pcapng");
  fs::create_symlink(archive_.path() + "/notes.txt", archive_.path() + "/lane/1600000000000000003.pcapng");
  fs::create_directory_symlink("/", archive_.path() + "/link");
  EXPECT_EQ(Listed(), std::vector<std::string>{});
  EXPECT_EQ(*ListLanes(archive_.path()),
            (std::vector<std::string>{archive_.path() + "/elsewhere", archive_.path() + "/lane"}));
}

TEST_F(ListTest, AMissingArchiveIsAnError) {
  const auto files = ListArchive(archive_.path() + "/nowhere");
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(files.error().message, "list " + archive_.path() + "/nowhere: no such file or directory");
}

}  // namespace
}  // namespace dashcap
