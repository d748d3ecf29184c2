#include <fmt/format.h>

#include <cstdio>
#include <functional>

#include "query/answer/answer_writer.h"
#include "query/answer/missing_report.h"
#include "query/answer/reports.h"
#include "query/answer/request.h"
#include "query/cli/commands.h"
#include "query/cli/output.h"
#include "query/cli/remote.h"

namespace dashcap {
namespace {

constexpr size_t kWriteAtOnce = 1 << 20;

// The query, and a mark below the place.
int ComplainOfQuery(const std::string& query, const ParseError& error) {
  std::string line = query;
  for (char& c : line) c = c >= ' ' ? c : ' ';
  fmt::print(stderr, "dashcap: {}\n         {}^\n", line, std::string(error.column - 1, ' '));
  return Complain(error.what(), kUsage);
}

int ComplainOfRequest(const QueryCommand& command, const RequestError& error) {
  const auto query = command.parameters.find("q");
  if (error.query && query != command.parameters.end()) return ComplainOfQuery(query->second, *error.query);
  return Complain(error.message, kUsage);
}

int WithArchive(const QueryCommand& command, const std::function<int(Archive&, const AnswerRequest&)>& run) {
  const auto request = ParseRequest(command.parameters, Now());
  if (!request) return ComplainOfRequest(command, request.error());
  auto archive = Archive::Open(command.target.archives);
  if (!archive) return Complain(archive.error().message);
  return run(**archive, *request);
}

int Print(const std::string& text) {
  fmt::print("{}", text);
  return std::fflush(stdout) == 0 ? kDone : Complain("write standard output");
}

Status WriteAnswer(PacketStream& stream, const AnswerRequest& request, Output& output, uint64_t& left_out) {
  const auto writer = MakeAnswerWriter(request.format, request.query);
  std::vector<uint8_t> buffer;
  writer->Begin(buffer);
  while (true) {
    auto next = stream.Next();
    if (!next) return Fail(next.error());
    if (!*next) break;
    if (!writer->Append(**next, stream.interfaces(), buffer)) left_out++;
    if (buffer.size() < kWriteAtOnce) continue;
    if (Status written = output.Write(buffer); !written) return written;
    buffer.clear();
  }
  writer->End(stream, left_out, buffer);
  if (Status written = output.Write(buffer); !written) return written;
  return output.Close();
}

int QueryArchive(Archive& archive, const AnswerRequest& request, Output& output) {
  auto stream = archive.Search(request.search, {});
  if (!stream) return Complain(stream.error().message);
  uint64_t left_out = 0;
  if (Status status = WriteAnswer(**stream, request, output, left_out); !status)
    return Complain(status.error().message);
  for (const std::string& line : DescribeMissing((*stream)->missing(), left_out))
    fmt::print(stderr, "dashcap: missing: {}\n", line);
  return kDone;
}

}  // namespace

int Complain(const std::string& message, int code) {
  fmt::print(stderr, "dashcap: {}\n", message);
  return code;
}

int RunQuery(const QueryCommand& command) {
  const auto open = [&command] { return Output::Open(command.output, !command.json()); };
  if (!command.target.url.empty()) {
    auto output = open();
    if (!output) return Complain(output.error().message, kUsage);
    return FetchRemote(command.target, "/api/v1/packets", command.parameters, *output);
  }
  return WithArchive(command, [&open](Archive& archive, const AnswerRequest& request) {
    auto output = open();
    if (!output)
      return Complain(output.error().message, output.error().kind == ErrorKind::kInvalidInput ? kUsage : kFailed);
    return QueryArchive(archive, request, *output);
  });
}

int RunCount(const QueryCommand& command) {
  if (!command.target.url.empty()) return PrintRemote(command.target, "/api/v1/count", command.parameters);
  return WithArchive(command, [](Archive& archive, const AnswerRequest& request) {
    auto count = archive.Count(request.search, {});
    if (!count) return Complain(count.error().message);
    return Print(CountReport(*count, request.query));
  });
}

int RunExplain(const QueryCommand& command) {
  if (!command.target.url.empty()) return PrintRemote(command.target, "/api/v1/explain", command.parameters);
  return WithArchive(command, [](Archive& archive, const AnswerRequest& request) {
    auto text = archive.Explain(request.search);
    if (!text) return Complain(text.error().message);
    return Print(*text);
  });
}

int RunGaps(const QueryCommand& command, bool json) {
  if (!command.target.url.empty()) return PrintRemote(command.target, "/api/v1/gaps", command.parameters);
  return WithArchive(command, [json](Archive& archive, const AnswerRequest& request) {
    auto gaps = archive.Gaps(request.search);
    if (!gaps) return Complain(gaps.error().message);
    if (json) return Print(GapsReport(*gaps));
    std::string text;
    for (const LaneGap& gap : *gaps) text += DescribeGap(gap) + "\n";
    return Print(text.empty() ? "no gaps are known\n" : text);
  });
}

}  // namespace dashcap
