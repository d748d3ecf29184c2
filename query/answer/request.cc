#include "query/answer/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "base/nearest_word.h"

namespace dashcap {
namespace {

constexpr std::array<std::string_view, 7> kParameters = {"q",      "from",          "to",         "last",
                                                         "format", "limit_packets", "limit_bytes"};

using Parameters = std::map<std::string, std::string>;
using Failure = tl::unexpected<RequestError>;

Failure Wrong(std::string parameter, std::string message) {
  return Failure(RequestError{std::move(parameter), std::move(message), {}});
}

const std::string* Find(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? nullptr : &found->second;
}

tl::expected<TimeRange, RequestError> ParseRange(const Parameters& parameters, Timestamp now) {
  TimeRange range;
  const std::string* last = Find(parameters, "last");
  const std::string* from = Find(parameters, "from");
  const std::string* to = Find(parameters, "to");
  if (last && (from || to)) return Wrong("last", "\"last\" and \"from\" or \"to\" exclude each other");
  if (last) {
    const auto duration = ParseDuration(*last);
    if (!duration) return Wrong("last", duration.error().message);
    range.begin = now.time_since_epoch() < *duration ? Timestamp{} : now - *duration;
  }
  if (from) {
    const auto time = ParseTime(*from);
    if (!time) return Wrong("from", time.error().message);
    range.begin = *time;
  }
  if (to) {
    const auto time = ParseTime(*to);
    if (!time) return Wrong("to", time.error().message);
    range.end = *time;
  }
  if (range.begin > range.end) {
    return Wrong("from", fmt::format("\"from\" ({}) is later than \"to\" ({})", *from, *to));
  }
  return range;
}

tl::expected<std::optional<uint64_t>, RequestError> ParseLimit(const Parameters& parameters, const std::string& name) {
  const std::string* text = Find(parameters, name);
  if (!text) return std::optional<uint64_t>{};
  uint64_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return Wrong(name, fmt::format("{} \"{}\": expected a whole number", name, *text));
  }
  return std::optional(limit);
}

tl::expected<AnswerFormat, RequestError> ParseFormat(const Parameters& parameters) {
  const std::string* text = Find(parameters, "format");
  if (!text || *text == "pcap") return AnswerFormat::kPcap;
  if (*text == "pcapng") return AnswerFormat::kPcapng;
  if (*text == "json") return AnswerFormat::kJson;
  return Wrong("format", fmt::format("format \"{}\": expected pcap, pcapng or json", *text));
}

tl::expected<void, RequestError> CheckNames(const Parameters& parameters) {
  for (const auto& [name, value] : parameters) {
    if (std::find(kParameters.begin(), kParameters.end(), name) != kParameters.end()) continue;
    std::string message = fmt::format("unknown parameter \"{}\"", name);
    const std::string_view nearest = NearestWord(name, kParameters);
    if (!nearest.empty()) message += fmt::format("; did you mean \"{}\"?", nearest);
    return Wrong(name, message + fmt::format(" Expected: {}", fmt::join(kParameters, ", ")));
  }
  return {};
}

}  // namespace

tl::expected<AnswerRequest, RequestError> ParseRequest(const Parameters& parameters, Timestamp now) {
  if (auto names = CheckNames(parameters); !names) return Failure(names.error());
  AnswerRequest request;
  if (const std::string* query = Find(parameters, "q")) request.query = *query;
  ParseOptions options;
  options.now = now;
  auto expression = ParseQuery(request.query, options);
  if (!expression) return Failure(RequestError{"q", expression.error().what(), expression.error()});
  request.search.expression = *expression;
  auto range = ParseRange(parameters, now);
  if (!range) return Failure(range.error());
  request.search.range = *range;
  auto packets = ParseLimit(parameters, "limit_packets");
  if (!packets) return Failure(packets.error());
  auto bytes = ParseLimit(parameters, "limit_bytes");
  if (!bytes) return Failure(bytes.error());
  request.search.limits = {*packets, *bytes};
  auto format = ParseFormat(parameters);
  if (!format) return Failure(format.error());
  request.format = *format;
  return request;
}

}  // namespace dashcap
