#include "query/search/file_opener.h"

#include <utility>

#include "packet/decoder.h"

namespace dashcap {

void NoteUnreadable(const BlockfileEntry& entry, const Error& error, Missing& missing) {
  if (error.kind == ErrorKind::kNotFound) {
    missing.vanished.push_back(entry.path());
  } else {
    missing.damage.push_back({0, entry.bytes, 0, error.message});
  }
}

std::shared_ptr<const IndexTable> FileOpener::TableOf(const BlockfileEntry& entry, const BlockfileReader& reader,
                                                      std::string& why) {
  if (ignore_indexes_) {
    why = "indexes are ignored";
  } else if (entry.open) {
    why = "it is still being written";
  } else if (!Decodes(reader.link_type())) {
    why = "its link type, " + LinkTypeName(reader.link_type()) + ", isn't decoded";
  } else if (!entry.has_index) {
    why = "it has no index yet";
  } else {
    auto table = tables_.Get(entry.index_path(), reader.file_id());
    if (table && !(*table)->summary().damaged) return *table;
    why = table ? "it was damaged when it was indexed" : table.error().message;
  }
  return nullptr;
}

Result<std::unique_ptr<FileAnswer>> FileOpener::Open(const BlockfileEntry& entry, const Question& question,
                                                     Missing& missing, SearchStatistics& statistics) {
  auto reader = OpenListed(entry);
  if (!reader) {
    NoteUnreadable(entry, reader.error(), missing);
    return std::unique_ptr<FileAnswer>{};
  }
  std::string why;
  auto table = question.slices ? TableOf(entry, *reader, why) : nullptr;
  if (table) {
    auto answer = AnswerByIndex(std::move(*reader), *table, question);
    if (answer) {
      statistics.files_by_index++;
      return answer;
    }
    const bool scan_instead =
        answer.error().kind == ErrorKind::kDamaged || answer.error().kind == ErrorKind::kUnavailable;
    if (!scan_instead) return answer;
    reader = OpenListed(entry);
    if (!reader) {
      NoteUnreadable(entry, reader.error(), missing);
      return std::unique_ptr<FileAnswer>{};
    }
  }
  statistics.files_scanned++;
  return AnswerByScan(std::move(*reader), question, missing.damage);
}

}  // namespace dashcap
