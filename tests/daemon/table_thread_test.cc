#include "daemon/table_thread.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "storage/lane_writer.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

class TableThreadTest : public testing::TestWithParam<size_t> {
 protected:
  TableThreadTest() : directory_(testing::TempDir() + "/dashcap-tables-" + std::to_string(::getpid())) {
    fs::create_directories(directory_);
  }
  ~TableThreadTest() override { fs::remove_all(directory_); }

  struct Recorded {
    std::string blockfile;
    FileIndexer indexer;
  };

  // A blockfile of one packet for each of some flows, indexed but without its table.
  Recorded Record(uint8_t number) const {
    std::optional<FileIndexer> indexer;
    std::string path;
    LaneOptions options;
    options.directory = directory_ + "/lane" + std::to_string(number);
    options.block_count = 4;
    auto writer = LaneWriter::Open(options, {Interface{}}, [&](const LaneEvent& event) {
      if (const auto* sealed = std::get_if<BlockSealed>(&event)) {
        if (!indexer) indexer.emplace(sealed->file_id, sealed->link_type);
        indexer->Add(*sealed->block);
      } else {
        path = std::get<BlockfilePublished>(event).path;
      }
    });
    EXPECT_TRUE(writer) << writer.error().message;
    std::array<uint8_t, 60> frame{};
    frame[0] = number;
    Packet packet;
    packet.timestamp = FromUnixNanoseconds(1'700'000'000'000'000'000);
    packet.original_length = frame.size();
    packet.bytes = frame;
    for (frame[1] = 0; frame[1] < 100; frame[1]++) EXPECT_TRUE((*writer)->Append(packet));
    EXPECT_TRUE((*writer)->Finish());
    return {path, std::move(*indexer)};
  }

  static std::string Read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string directory_;
};

// Memory decides only where a table is made from.
TEST_P(TableThreadTest, EveryFileGetsItsTable) {
  std::vector<std::string> blockfiles;
  TableThread tables(GetParam());
  for (uint8_t number = 0; number < 20; number++) {
    Recorded recorded = Record(number);
    blockfiles.push_back(recorded.blockfile);
    tables.Write(std::move(recorded.blockfile), std::move(recorded.indexer));
  }
  tables.Finish(true);
  for (const std::string& blockfile : blockfiles) {
    const fs::path index = fs::path(blockfile).replace_extension(".index");
    const std::string written = Read(index);
    EXPECT_FALSE(written.empty()) << index;
    fs::remove(index);
    ASSERT_TRUE(IndexBlockfile(blockfile));
    EXPECT_EQ(Read(index), written);
  }
}

INSTANTIATE_TEST_SUITE_P(ByMemory, TableThreadTest, testing::Values(size_t{1}, size_t{1} << 30));

}  // namespace
}  // namespace dashcap
