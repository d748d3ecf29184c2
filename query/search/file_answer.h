#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "indexer/index_table.h"
#include "query/language/expression.h"
#include "query/language/packet_matcher.h"
#include "query/search/search.h"
#include "query/search/time_slices.h"
#include "storage/blockfile_reader.h"

namespace dashcap {

// What is asked, prepared once for all blockfiles of a search.
struct Question {
  ExpressionPtr expression;                      // of the request, WithInnerReading
  TimeRange range;                               // what request and expression leave
  std::optional<std::vector<TimeSlice>> slices;  // of the range; nullopt: too many, decide packet by packet
  SearchLimits limits;
  std::shared_ptr<FilterPrograms> programs;
};

Question MakeQuestion(const SearchRequest& request);

// The packets of one blockfile that are asked for, in file order, read block by block as they are pulled. One thread.
class FileAnswer {
 public:
  virtual ~FileAnswer() = default;

  // Valid until the next call. What is damaged is left out and added to `damage`.
  Result<std::optional<NumberedPacket>> Next(std::stop_token stop, std::vector<DamagedRange>& damage);

  const BlockfileReader& reader() const { return reader_; }

 protected:
  FileAnswer(BlockfileReader reader, std::vector<BlockSummary> blocks)
      : reader_(std::move(reader)), blocks_(std::move(blocks)) {}

  // Appends the block's packets that are asked for; `buffer` keeps their bytes.
  virtual Status Select(const BlockSummary& block, std::vector<uint8_t>& buffer, std::vector<NumberedPacket>& out,
                        std::vector<DamagedRange>& damage) = 0;

 private:
  BlockfileReader reader_;
  std::vector<BlockSummary> blocks_;
  size_t next_block_ = 0;
  std::vector<uint8_t> buffer_;
  std::vector<NumberedPacket> found_;
  size_t next_found_ = 0;
};

// By the index. kDamaged when the table turns out to be, kUnavailable when it would not help: scan then.
// Requires: question.slices.
Result<std::unique_ptr<FileAnswer>> AnswerByIndex(BlockfileReader reader, const IndexTable& table,
                                                  const Question& question);

// Only these packets of the file, none but those in the range.
Result<std::unique_ptr<FileAnswer>> AnswerByNumbers(BlockfileReader reader, const IndexTable& table, TimeRange range,
                                                    const std::vector<uint32_t>& numbers);

// By decoding every packet of the blocks that may hold some.
Result<std::unique_ptr<FileAnswer>> AnswerByScan(BlockfileReader reader, const Question& question,
                                                 std::vector<DamagedRange>& damage);

}  // namespace dashcap
