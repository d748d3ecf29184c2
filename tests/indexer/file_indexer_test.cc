#include "indexer/file_indexer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "indexer/index_table.h"
#include "packet/decoder.h"
#include "storage/lane_writer.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

// An Ethernet frame with IPv4 and UDP or TCP between a few hosts and ports.
std::vector<uint8_t> RandomFrame(std::mt19937_64& random) {
  std::vector<uint8_t> frame(14 + 20 + 20 + random() % 200);
  StoreBig16(&frame[12], 0x0800);
  uint8_t* ip = &frame[14];
  ip[0] = 0x45;
  StoreBig16(ip + 2, static_cast<uint16_t>(frame.size() - 14));
  ip[9] = random() % 2 == 0 ? 6 : 17;
  StoreBig32(ip + 12, 0x0a000000 + static_cast<uint32_t>(random() % 4));
  StoreBig32(ip + 16, 0x0a000000 + static_cast<uint32_t>(random() % 4));
  StoreBig16(ip + 20, static_cast<uint16_t>(random() % 4));
  StoreBig16(ip + 22, static_cast<uint16_t>(random() % 4));
  ip[32] = 0x50;  // TCP header length
  return frame;
}

class FileIndexerTest : public testing::Test {
 protected:
  FileIndexerTest() : directory_(testing::TempDir() + "/dashcap-indexer-" + std::to_string(::getpid())) {
    fs::create_directories(directory_);
  }
  ~FileIndexerTest() override { fs::remove_all(directory_); }

  // Writes a blockfile, indexing it on the way. Gives its path.
  std::string Record(size_t packets) {
    std::mt19937_64 random(packets);
    std::map<uint64_t, FileIndexer> indexers;
    std::string path;
    const auto on_event = [&](LaneEvent event) {
      if (const auto* sealed = std::get_if<BlockSealed>(&event)) {
        indexers.try_emplace(sealed->file_id, sealed->file_id, sealed->link_type).first->second.Add(*sealed->block);
      } else {
        const auto& published = std::get<BlockfilePublished>(event);
        path = published.path;
        EXPECT_TRUE(indexers.at(published.file_id).WriteTable(path));
      }
    };
    LaneOptions options;
    options.directory = directory_ + "/lane";
    options.block_count = 8;
    auto writer = LaneWriter::Open(options, {Interface{}}, on_event);
    EXPECT_TRUE(writer) << writer.error().message;
    for (size_t i = 0; i < packets; i++) {
      frames_.push_back(RandomFrame(random));
      Packet packet;
      packet.timestamp = FromUnixNanoseconds(1'700'000'000'000'000'000 + static_cast<int64_t>(i * 1000));
      packet.original_length = static_cast<uint32_t>(frames_.back().size());
      packet.bytes = frames_.back();
      EXPECT_TRUE((*writer)->Append(packet));
    }
    EXPECT_TRUE((*writer)->Finish());
    return path;
  }

  static std::string IndexOf(const std::string& blockfile) { return fs::path(blockfile).replace_extension(".index"); }

  const std::string directory_;
  std::vector<std::vector<uint8_t>> frames_;
};

TEST_F(FileIndexerTest, EveryAttributeLeadsToItsPackets) {
  const auto table = IndexTable::Open(IndexOf(Record(20'000)));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->summary().packets, frames_.size());

  std::map<Attribute, std::vector<uint32_t>> expected;
  for (uint32_t number = 0; number < frames_.size(); number++) {
    for (const Attribute& attribute : AttributesOf(Decode(LinkType::kEthernet, frames_[number]).key)) {
      expected[attribute].push_back(number);
    }
  }
  for (const auto& [attribute, numbers] : expected) {
    auto flows = table->FlowsWith(attribute);
    ASSERT_TRUE(flows) << flows.error().message;
    std::vector<Posting> postings;
    for (const FlowId flow : *flows) ASSERT_TRUE(table->Postings(flow, {}, postings));
    std::vector<uint32_t> found;
    for (const Posting& posting : postings) found.push_back(posting.packet_number);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, numbers);
  }
  EXPECT_TRUE(table->FlowsWith(PortAttribute(9))->empty());
}

TEST_F(FileIndexerTest, PostingsOfARangeAreThoseOfAllInTheRange) {
  const auto table = IndexTable::Open(IndexOf(Record(150'000)));
  ASSERT_TRUE(table);
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; i++) {
    const FlowId flow = static_cast<FlowId>(random() % table->summary().flows);
    const PacketNumbers range{random() % 160'000, random() % 160'000};
    std::vector<Posting> all;
    ASSERT_TRUE(table->Postings(flow, {}, all));
    std::erase_if(all,
                  [range](const Posting& p) { return p.packet_number < range.begin || p.packet_number >= range.end; });
    std::vector<Posting> some;
    ASSERT_TRUE(table->Postings(flow, range, some));
    EXPECT_EQ(some, all);
  }
}

TEST_F(FileIndexerTest, FromDiskIsTheSameAsOnTheWay) {
  const std::string path = Record(20'000);
  const auto read = [](const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = read(IndexOf(path));
  fs::remove(IndexOf(path));
  ASSERT_TRUE(IndexBlockfile(path));
  EXPECT_EQ(read(IndexOf(path)), before);
}

TEST_F(FileIndexerTest, NoTableIsLeftForABlockfileThatIsGone) {
  const std::string path = Record(100);
  FileIndexer indexer(1, LinkType::kEthernet);
  fs::remove(path);
  EXPECT_TRUE(indexer.WriteTable(path));
  EXPECT_FALSE(fs::exists(IndexOf(path)));
}

TEST_F(FileIndexerTest, DamagedTableIsAnErrorAndNeverAWrongAnswer) {
  const std::string index = IndexOf(Record(3000));
  std::string sound;
  {
    std::ifstream file(index, std::ios::binary);
    sound.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto answers = [&index]() -> std::optional<std::vector<std::vector<Posting>>> {
    const auto table = IndexTable::Open(index);
    if (!table) return std::nullopt;
    std::vector<std::vector<Posting>> lists;
    for (uint16_t port = 0; port < 4; port++) {
      const auto flows = table->FlowsWith(PortAttribute(port));
      if (!flows) return std::nullopt;
      lists.emplace_back();
      for (const FlowId flow : *flows) {
        if (!table->Postings(flow, {}, lists.back())) return std::nullopt;
      }
    }
    return lists;
  };
  const auto expected = answers();
  ASSERT_TRUE(expected);
  std::mt19937_64 random(3);
  for (int i = 0; i < 400; i++) {
    std::string damaged = sound;
    if (i % 2 == 0) {
      damaged.resize(random() % sound.size());
    } else {
      char& byte = damaged[random() % damaged.size()];
      byte = static_cast<char>(byte ^ 1 << random() % 8);
    }
    std::ofstream(index, std::ios::binary) << damaged;
    const auto got = answers();
    EXPECT_EQ(got.value_or(*expected), *expected) << "round " << i;
  }
}

}  // namespace
}  // namespace dashcap
