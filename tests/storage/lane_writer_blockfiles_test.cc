#include "storage/lane_writer.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <filesystem>
#include <set>

#include "storage/catalog.h"
#include "storage/verify.h"
#include "tests/storage/temporary_directory.h"
#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

class LaneBlockfilesTest : public testing::Test {
 protected:
  LaneBlockfilesTest() : lane_(directory_.path() + "/lane") {}

  void Open(LaneOptions options, std::vector<Interface> interfaces = {Interface{}}) {
    auto writer = LaneWriter::Open(std::move(options), std::move(interfaces),
                                   [this](LaneEvent event) { events_.push_back(std::move(event)); });
    ASSERT_TRUE(writer) << writer.error().message;
    writer_ = std::move(*writer);
  }
  LaneOptions Unhurried() const {
    LaneOptions options = UnhurriedLane(lane_);
    options.block_count = 16;  // events_ keeps them
    return options;
  }

  void Append(const Sent& sent) {
    const Status stored = writer_->Append(PacketOf(sent));
    ASSERT_TRUE(stored) << stored.error().message;
  }

  std::vector<std::string> Published() const {
    std::vector<std::string> paths;
    for (const LaneEvent& event : events_) {
      const auto* published = std::get_if<BlockfilePublished>(&event);
      if (published) paths.push_back(published->path);
    }
    return paths;
  }

  // Names in the lane directory.
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(lane_)) names.insert(entry.path().filename());
    return names;
  }

  // Every packet of the published files, in the order of their names.
  std::vector<std::vector<uint8_t>> Stored() const {
    std::vector<std::vector<uint8_t>> packets;
    const auto files = ListLane(lane_);
    for (const BlockfileEntry& file : *files) {
      EXPECT_FALSE(file.open) << file.path();
      const auto verified = VerifyBlockfile(file.path(), nullptr);
      EXPECT_TRUE(verified && verified->damage.empty() && verified->never_written.empty()) << file.path();
      const auto reader = BlockfileReader::Open(file.path());
      std::vector<DamagedRange> damage;
      std::vector<uint8_t> buffer;
      const auto blocks = reader->Blocks(damage);
      for (const BlockSummary& block : *blocks) {
        EXPECT_TRUE(reader->ReadBlock(
            block, buffer,
            [&packets](const NumberedPacket& found) {
              packets.emplace_back(found.packet.bytes.begin(), found.packet.bytes.end());
              return true;
            },
            damage));
      }
    }
    return packets;
  }

  static std::vector<std::vector<uint8_t>> BytesOfAll(const std::vector<Sent>& sent) {
    std::vector<std::vector<uint8_t>> all;
    for (const Sent& one : sent) all.push_back(one.bytes);
    return all;
  }

  const TemporaryDirectory directory_;
  const std::string lane_;
  std::vector<LaneEvent> events_;
  std::unique_ptr<LaneWriter> writer_;
};

TEST_F(LaneBlockfilesTest, RotatesBySize) {
  LaneOptions options = Unhurried();
  options.max_file_bytes = 3 << 20;
  Open(options);
  const std::vector<Sent> sent = MakeSent(10'000, 1000);
  for (const Sent& one : sent) Append(one);
  ASSERT_TRUE(writer_->Finish());
  EXPECT_GE(Published().size(), 4);
  for (const std::string& path : Published()) EXPECT_LE(fs::file_size(path), options.max_file_bytes) << path;
  EXPECT_EQ(Stored(), BytesOfAll(sent));
  EXPECT_EQ(writer_->counts().packets, (PacketCounts{sent.size(), 0, {}}));
  EXPECT_EQ(writer_->counts().bytes, sent.size() * 1000);
  EXPECT_EQ(writer_->counts().files, Published().size());
  EXPECT_EQ(writer_->counts().write_errors, 0);
}

TEST_F(LaneBlockfilesTest, RotatesByAge) {
  LaneOptions options = Unhurried();
  options.max_file_age = std::chrono::hours(1);
  Open(options);
  const std::vector<Sent> sent = MakeSent(4, 100);
  Append(sent[0]);
  ASSERT_TRUE(writer_->Tick(sent[0].time));
  EXPECT_TRUE(Published().empty()) << "an hour has not passed";
  ASSERT_TRUE(writer_->Finish());
  writer_.reset();

  options.max_file_age = Nanoseconds(0);
  Open(options);
  for (size_t i = 1; i < sent.size(); i++) {
    Append(sent[i]);
    ASSERT_TRUE(writer_->Tick(sent[i].time));
  }
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(Published().size(), 4);
  EXPECT_EQ(Stored(), BytesOfAll(sent));
}

TEST_F(LaneBlockfilesTest, APartFilledBlockIsWrittenAfterTheFlushInterval) {
  LaneOptions options = Unhurried();
  options.flush_interval = std::chrono::milliseconds(50);
  Open(options);
  const std::vector<Sent> sent = MakeSent(2, 100);
  Append(sent[0]);
  ASSERT_TRUE(writer_->Tick(sent[0].time));
  EXPECT_TRUE(events_.empty()) << "the interval has not passed";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (events_.empty() && std::chrono::steady_clock::now() < deadline) ASSERT_TRUE(writer_->Tick(sent[0].time));
  ASSERT_EQ(events_.size(), 1);
  EXPECT_EQ(std::get<BlockSealed>(events_[0]).block->closing.packet_count, 1);
  // Padded to 4 KiB only, and readable while the file is open.
  const std::string hidden = lane_ + "/" + BlockfileName(sent[0].time, true, Packing::kPlain);
  const auto size = [&] { return fs::file_size(hidden); };
  while (size() < 2 * kBlockAlignment && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(writer_->Tick(sent[0].time));
  }
  EXPECT_EQ(size(), 2 * kBlockAlignment);
  const ReadBack back = ReadBackFrom(hidden, sent);
  EXPECT_EQ(back.numbers, Numbers(0, 1));
  EXPECT_EQ(back.wrong, 0);
}

TEST_F(LaneBlockfilesTest, AFileAppearsWhole) {
  Open(Unhurried());
  EXPECT_TRUE(Names().empty()) << "a file is begun by its first packet";
  const std::vector<Sent> sent = MakeSent(1, 100);
  Append(sent[0]);
  EXPECT_EQ(Names(), std::set<std::string>{BlockfileName(sent[0].time, true, Packing::kPlain)});
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(Names(), std::set<std::string>{BlockfileName(sent[0].time, false, Packing::kPlain)});
  EXPECT_EQ(Published(), std::vector<std::string>{lane_ + "/" + BlockfileName(sent[0].time, false, Packing::kPlain)});
  EXPECT_EQ(fs::file_size(Published()[0]) % kBlockAlignment, 0);
}

TEST_F(LaneBlockfilesTest, FilesThatBeginAtTheSameTimeHaveNamesOfTheirOwn) {
  Open(Unhurried());
  Sent sent = MakeSent(1, 100)[0];
  for (int i = 0; i < 5; i++) {
    Append(sent);
    ASSERT_TRUE(writer_->Rotate());
  }
  ASSERT_TRUE(writer_->Finish());
  std::set<std::string> expected;
  for (int i = 0; i < 5; i++) expected.insert(BlockfileName(sent.time + Nanoseconds(i), false, Packing::kPlain));
  EXPECT_EQ(Names(), expected);
  EXPECT_EQ(Stored().size(), 5);
}

TEST_F(LaneBlockfilesTest, NothingIsPublishedWithoutAPacket) {
  Open(Unhurried());
  ASSERT_TRUE(writer_->Tick(kFirstSent));
  ASSERT_TRUE(writer_->Rotate());
  ASSERT_TRUE(writer_->Finish());
  EXPECT_TRUE(Names().empty());
  EXPECT_TRUE(events_.empty());
}

TEST_F(LaneBlockfilesTest, DestructionPublishesToo) {
  Open(Unhurried());
  const std::vector<Sent> sent = MakeSent(7, 100);
  for (const Sent& one : sent) Append(one);
  writer_.reset();
  EXPECT_EQ(Stored(), BytesOfAll(sent));
}

TEST_F(LaneBlockfilesTest, BlocksAreToldInOrderAndWhole) {
  Open(Unhurried());
  const std::vector<Sent> sent = MakeSent(3000, 1000);
  for (const Sent& one : sent) Append(one);
  ASSERT_TRUE(writer_->Finish());
  const std::string bytes = BytesOf(Published()[0]);
  uint64_t next_packet = 0;
  uint32_t next_sequence = 1;
  for (size_t i = 0; i + 1 < events_.size(); i++) {
    const auto& sealed = std::get<BlockSealed>(events_[i]);
    EXPECT_EQ(sealed.block->closing.sequence, next_sequence++);
    EXPECT_EQ(sealed.block->closing.first_packet_number, next_packet);
    next_packet += sealed.block->closing.packet_count;
    // The same bytes are on disk.
    const auto in_memory = sealed.block->bytes();
    EXPECT_EQ(bytes.substr(sealed.block->closing.block_offset, in_memory.size()),
              std::string(in_memory.begin(), in_memory.end()));
  }
  EXPECT_EQ(next_packet, sent.size());
  EXPECT_TRUE(std::get<BlockfilePublished>(events_.back()).complete);
}

TEST_F(LaneBlockfilesTest, OnAFileSystemWithoutDirectWrites) {
  struct statfs file_system;
  ASSERT_EQ(::statfs(kInMemory, &file_system), 0);
  ASSERT_EQ(file_system.f_type, TMPFS_MAGIC);
  const TemporaryDirectory in_memory(kInMemory);
  const std::vector<Sent> sent = MakeSent(3000, 1000);
  const std::string path = WriteBlockfile(in_memory.path(), sent, 700);
  const ReadBack back = ReadBackFrom(path, sent);
  EXPECT_EQ(back.numbers, Numbers(0, sent.size()));
  EXPECT_EQ(back.wrong, 0);
  EXPECT_TRUE(back.damage.empty());
}

TEST_F(LaneBlockfilesTest, PacketsLongerThanABlockHoldsAreCutAndCounted) {
  Open(Unhurried());
  Sent sent;
  sent.time = kFirstSent;
  sent.bytes.assign(kMaxCapturedLength + 1, 0x5a);
  Append(sent);
  sent.bytes.resize(kMaxCapturedLength);
  Append(sent);
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(writer_->counts().packets.cut, 1);
  EXPECT_EQ(Stored(), (std::vector<std::vector<uint8_t>>{sent.bytes, sent.bytes}));
}

TEST_F(LaneBlockfilesTest, PacketOfAnUnknownInterfaceIsRefusedAndNothingElseSuffers) {
  Open(Unhurried());
  const std::vector<Sent> sent = MakeSent(2, 100);
  Packet stray = PacketOf(sent[0]);
  stray.interface_id = 1;
  EXPECT_FALSE(writer_->Append(stray)) << "before a block is begun";
  Append(sent[0]);
  EXPECT_FALSE(writer_->Append(stray)) << "in the middle of one";
  Append(sent[1]);
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(Stored(), BytesOfAll(sent));
}

TEST_F(LaneBlockfilesTest, OtherInterfacesBeginAnotherFile) {
  Open(Unhurried(), {Interface{"eth0", "", "", LinkType::kEthernet, 0}});
  const std::vector<Sent> sent = MakeSent(2, 100);
  Append(sent[0]);
  ASSERT_TRUE(writer_->SetInterfaces({Interface{"eth0", "", "", LinkType::kEthernet, 0}}));
  EXPECT_TRUE(Published().empty()) << "they are the same";
  ASSERT_TRUE(writer_->SetInterfaces({Interface{"eth0", "", "", LinkType::kEthernet, 0},
                                      Interface{"eth1", "second", "tcp", LinkType::kEthernet, 96}}));
  Packet second = PacketOf(sent[1]);
  second.interface_id = 1;
  ASSERT_TRUE(writer_->Append(second));
  ASSERT_TRUE(writer_->Finish());
  ASSERT_EQ(Published().size(), 2);
  const auto reader = BlockfileReader::Open(Published()[1]);
  ASSERT_EQ(reader->interfaces().size(), 2);
  EXPECT_EQ(reader->interfaces()[1].name, "eth1");
  EXPECT_EQ(reader->interfaces()[1].filter, "tcp");
  EXPECT_FALSE(writer_->SetInterfaces({Interface{"tun0", "", "", LinkType::kRaw, 0}})) << "a lane keeps its link type";
}

TEST_F(LaneBlockfilesTest, CountsStandInEachBlock) {
  Open(Unhurried());
  const std::vector<Sent> sent = MakeSent(2, 100);
  const InterfaceCounts first{10, 1, 2, 9, 0, 3};
  const InterfaceCounts second{20, 4, 5, 14, 2, 6};
  writer_->SetCounts(0, first);
  Append(sent[0]);
  ASSERT_TRUE(writer_->Tick(sent[0].time));
  writer_->SetCounts(0, second);
  Append(sent[1]);
  ASSERT_TRUE(writer_->Finish());
  const auto reader = BlockfileReader::Open(Published()[0]);
  std::vector<DamagedRange> damage;
  const auto blocks = reader->Blocks(damage);
  ASSERT_EQ(blocks->size(), 2);
  EXPECT_EQ(*reader->CountsAt(*reader->Closing((*blocks)[0])), std::vector<InterfaceCounts>{first});
  EXPECT_EQ(*reader->LastCounts(), std::vector<InterfaceCounts>{second});
}

TEST_F(LaneBlockfilesTest, ADirectoryThatCannotBeMadeIsAnError) {
  WriteBytes(directory_.path() + "/file", "");
  LaneOptions options = Unhurried();
  options.directory = directory_.path() + "/file/lane";
  const auto writer = LaneWriter::Open(options, {Interface{}}, [](const LaneEvent&) {});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().message, "make " + options.directory + ": not a directory");
}

TEST_F(LaneBlockfilesTest, InterfacesOfSeveralLinkTypesAreRefused) {
  const auto open = [this](std::vector<Interface> interfaces) {
    return LaneWriter::Open(Unhurried(), std::move(interfaces), [](const LaneEvent&) {}).has_value();
  };
  EXPECT_FALSE(open({}));
  EXPECT_FALSE(open({Interface{"a", "", "", LinkType::kEthernet, 0}, Interface{"b", "", "", LinkType::kRaw, 0}}));
}

}  // namespace
}  // namespace dashcap
