#include "indexer/index_table.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "indexer/flow_table.h"
#include "indexer/table_writer.h"
#include "tests/fuzz/target.h"
#include "tests/indexer/random_flows.h"
#include "tests/storage/temporary_directory.h"

// An input is an index table.
namespace dashcap {
namespace {

const std::string& Directory() {
  static const TemporaryDirectory directory(kInMemory);
  return directory.path();
}

void ReadAll(const IndexTable& table) {
  (void)table.Blocks().has_value();
  const uint64_t flows = table.summary().flows;
  const auto check = [flows](const Result<std::vector<FlowId>>& ids) {
    if (!ids) return;
    Require(std::adjacent_find(ids->begin(), ids->end(), std::greater_equal<>()) == ids->end(), "flow ids ascend");
    Require(ids->empty() || ids->back() < flows, "flow ids are below the number of flows");
  };
  std::mt19937_64 random(1);
  for (const AddressKind kind : {AddressKind::kIpv4, AddressKind::kIpv6, AddressKind::kMac}) {
    const Attribute one = AddressAttribute(RandomAddress(random, kind));
    const Attribute two = AddressAttribute(RandomAddress(random, kind));
    check(table.FlowsWith(one));
    check(table.FlowsBetween(std::min(one, two), std::max(one, two)));
  }
  check(table.FlowsBetween(PortAttribute(0), PortAttribute(65535)));
  (void)table.ForEachFlow(nullptr, [](FlowId, const FlowRecord&) { return true; }).has_value();
  for (FlowId id = 0; id < std::min<uint64_t>(flows, 50); id++) {
    (void)table.Flow(id).has_value();
    std::vector<Posting> postings;
    (void)table.Postings(id, {2, 100}, postings).has_value();
    for (const Posting& posting : postings) {
      Require(posting.packet_number >= 2 && posting.packet_number < 100, "postings lie in the range asked for");
    }
  }
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds;
  for (const uint32_t packets : {0u, 3u, 3000u}) {
    std::mt19937_64 random(packets);
    FlowTable flows;
    for (uint32_t number = 0; number < packets; number++) {
      FlowTable::Item item;
      item.decoded.key = RandomKey(random);
      item.time = FromUnixNanoseconds(number);
      item.original_length = 100;
      flows.Add(number, std::span(&item, 1));
    }
    const std::string path = Directory() + "/seed.index";
    Require(WriteIndexTable(path, {7, false, flows, {{4096, 8192, packets, 0, {}, FromUnixNanoseconds(packets)}}})
                .has_value(),
            "a table can be written");
    {
      std::ifstream file(path, std::ios::binary);
      seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    std::filesystem::remove(path);
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  const std::string path = Directory() + "/input.index";
  {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  if (const auto table = IndexTable::Open(path)) ReadAll(*table);
  return 0;
}
