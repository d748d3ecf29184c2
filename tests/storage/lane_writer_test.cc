#include "storage/lane_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <thread>

#include "storage/catalog.h"
#include "storage/verify.h"

namespace {
thread_local uint64_t allocations = 0;
}  // namespace

// Every allocation of this program is counted by thread.
void* operator new(size_t size) {
  allocations++;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  allocations++;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace dashcap {
namespace {

namespace fs = std::filesystem;

class LaneWriterTest : public testing::Test {
 protected:
  LaneWriterTest() {
    std::string pattern = "/var/tmp/dashcap-lane.XXXXXX";
    options_.directory = std::string(::mkdtemp(pattern.data())) + "/lane";
    options_.block_count = 8;
  }
  ~LaneWriterTest() override { fs::remove_all(fs::path(options_.directory).parent_path()); }

  std::unique_ptr<LaneWriter> Open() {
    auto writer = LaneWriter::Open(options_, {Interface{}}, [this](LaneEvent event) {
      EXPECT_EQ(std::this_thread::get_id(), thread_);
      if (auto* published = std::get_if<BlockfilePublished>(&event)) published_.push_back(std::move(*published));
      events_++;
    });
    EXPECT_TRUE(writer) << writer.error().message;
    return std::move(*writer);
  }

  Packet NextPacket() {
    Packet packet;
    packet.timestamp = FromUnixNanoseconds(1'700'000'000'000'000'000 + static_cast<int64_t>(made_++) * 1000);
    packet.bytes = std::span(bytes_).first(60 + made_ % 1000);
    packet.original_length = static_cast<uint32_t>(packet.bytes.size());
    return packet;
  }

  std::string OpenFile() const {
    const auto files = ListLane(options_.directory);
    for (const BlockfileEntry& file : *files) {
      if (file.open) return file.path();
    }
    return "";
  }

  LaneOptions options_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::vector<BlockfilePublished> published_;
  uint64_t events_ = 0;
  uint64_t made_ = 0;
  const std::vector<uint8_t> bytes_ = std::vector<uint8_t>(2000, 0x5a);
};

TEST_F(LaneWriterTest, NothingIsAllocatedForAPacketThatFitsIntoItsBlock) {
  const auto writer = Open();
  uint64_t appended_in_place = 0;
  for (int i = 0; i < 100'000; i++) {
    const Packet packet = NextPacket();
    const uint64_t events_before = events_;
    const uint64_t allocations_before = allocations;
    ASSERT_TRUE(writer->Append(packet));
    if (i == 0 || events_ != events_before) continue;  // a file or a block was begun
    ASSERT_EQ(allocations, allocations_before) << "packet " << i;
    appended_in_place++;
  }
  EXPECT_GT(appended_in_place, 99'000u);
}

TEST_F(LaneWriterTest, EachFileIsPublishedOnceInOrderAndSound) {
  const auto writer = Open();
  constexpr size_t kFiles = 40;
  for (size_t file = 0; file < kFiles; file++) {
    for (int i = 0; i < 100; i++) ASSERT_TRUE(writer->Append(NextPacket()));
    ASSERT_TRUE(writer->Rotate());
  }
  ASSERT_TRUE(writer->Finish());
  ASSERT_EQ(published_.size(), kFiles);
  const auto files = ListLane(options_.directory);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), kFiles);
  for (size_t file = 0; file < kFiles; file++) {
    EXPECT_EQ(published_[file].path, (*files)[file].path());
    EXPECT_TRUE(published_[file].complete);
    const auto report = VerifyBlockfile(published_[file].path, nullptr);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->packets, 100u);
    EXPECT_TRUE(report->damage.empty());
  }
}

TEST_F(LaneWriterTest, FilesOfPacketsOfOneTimeGetNamesOfTheirOwn) {
  const auto writer = Open();
  const Packet packet = NextPacket();
  for (int file = 0; file < 20; file++) {
    ASSERT_TRUE(writer->Append(packet));
    ASSERT_TRUE(writer->Rotate());
  }
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(ListLane(options_.directory)->size(), 20u);
}

TEST_F(LaneWriterTest, PartFilledBlockIsOnDiskWithinASecondOfIdleTime) {
  const auto writer = Open();
  ASSERT_TRUE(writer->Append(NextPacket()));
  const auto appended = std::chrono::steady_clock::now();
  // The last look comes 0.9 s after the packet, or later when this machine is busy.
  uint64_t stored = 0;
  for (bool last_look = false; stored == 0 && !last_look;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    last_look = std::chrono::steady_clock::now() - appended >= std::chrono::milliseconds(900);
    ASSERT_TRUE(writer->Tick(Now()));
    if (last_look) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (const auto report = VerifyBlockfile(OpenFile(), nullptr)) stored = report->packets;
  }
  EXPECT_EQ(stored, 1u);
}

TEST_F(LaneWriterTest, OnlySyncBlockOpensFilesForSynchronousWrites) {
  const struct {
    const char* label;
    LaneOptions::Sync sync;
    bool synchronous;
  } cases[] = {{"none", LaneOptions::Sync::kNone, false},
               {"publish", LaneOptions::Sync::kPublish, false},
               {"block", LaneOptions::Sync::kBlock, true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.label);
    options_.sync = c.sync;
    const auto writer = Open();
    ASSERT_TRUE(writer->Append(NextPacket()));
    bool found = false;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (fs::read_symlink(entry.path(), gone) != OpenFile()) continue;
      found = true;
      const int flags = ::fcntl(std::stoi(entry.path().filename()), F_GETFL);
      EXPECT_EQ((flags & O_DSYNC) != 0, c.synchronous);
    }
    EXPECT_TRUE(found);
    ASSERT_TRUE(writer->Finish());
  }
  EXPECT_EQ(published_.size(), 3u);
}

}  // namespace
}  // namespace dashcap
