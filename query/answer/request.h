#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "query/language/parser.h"
#include "query/search/search.h"

namespace dashcap {

enum class AnswerFormat { kPcap, kPcapng, kJson };

// What a client asks, as the HTTP service and the command line both take it.
struct AnswerRequest {
  SearchRequest search;
  AnswerFormat format = AnswerFormat::kPcap;
  std::string query;  // as it was given
};

// Names a parameter, for clients that show the error beside it.
struct RequestError {
  std::string parameter;
  std::string message;
  std::optional<ParseError> query;  // when it is the query's own
};

// Parameters, by name: q, from, to, last, format, limit_packets, limit_bytes; all may be missing. `now` is what "last"
// and "ago" count from.
tl::expected<AnswerRequest, RequestError> ParseRequest(const std::map<std::string, std::string>& parameters,
                                                       Timestamp now);

}  // namespace dashcap
