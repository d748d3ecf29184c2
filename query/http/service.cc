#include "query/http/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/nearest_word.h"
#include "query/answer/answer_writer.h"
#include "query/answer/missing_report.h"
#include "query/answer/reports.h"
#include "query/http/url.h"

namespace dashcap {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSendAtOnce = 128 * 1024;
constexpr char kJson[] = "application/json";
constexpr char kText[] = "text/plain; charset=utf-8";

enum HttpStatus : unsigned {
  kOk = 200,
  kBadRequest = 400,
  kUnauthorized = 401,
  kNotFound = 404,
  kMethodNotAllowed = 405,
  kInternalError = 500,
  kUnavailable = 503,
};

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

void SendError(Responder& responder, unsigned status, const std::string& message, const HttpFields& fields = {}) {
  responder.Send(status, kJson, ErrorBody(message), fields);
}

void SendError(Responder& responder, const RequestError& error) {
  Json json = {{"message", error.message}, {"parameter", error.parameter}};
  if (error.query) {
    json["column"] = error.query->column;
    json["found"] = error.query->found;
    json["expected"] = error.query->expected;
    if (!error.query->suggestion.empty()) json["suggestion"] = error.query->suggestion;
  }
  responder.Send(kBadRequest, kJson, Dump({{"error", std::move(json)}}), {});
}

// What went wrong on our side.
void SendError(Responder& responder, const Error& error) {
  LogWarning("{}", error.message);
  SendError(responder, error.kind == ErrorKind::kUnavailable ? kUnavailable : kInternalError, error.message);
}

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

// From the URL, and from the body of a POST: a form, or else the text of the query itself.
Result<std::map<std::string, std::string>> ParametersOf(const HttpRequest& request) {
  const std::string_view target = request.target;
  const size_t mark = target.find('?');
  auto parameters = ParseForm(mark == std::string_view::npos ? "" : target.substr(mark + 1));
  if (!parameters || request.method != "POST" || request.body.empty()) return parameters;
  std::map<std::string, std::string> of_body;
  if (request.content_type.starts_with("application/x-www-form-urlencoded")) {
    auto form = ParseForm(request.body);
    if (!form) return form;
    of_body = std::move(*form);
  } else {
    of_body.emplace("q", request.body);
  }
  for (auto& [name, value] : of_body) {
    if (!parameters->emplace(name, std::move(value)).second) {
      return Fail(ErrorKind::kInvalidInput, fmt::format("parameter \"{}\" is given twice", name));
    }
  }
  return parameters;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

HttpFields Trailers(const PacketStream& stream, uint64_t left_out) {
  const std::vector<std::string> missing = DescribeMissing(stream.missing(), left_out);
  std::string text = fmt::format("{}", fmt::join(missing, "; "));
  for (char& c : text) c = c < ' ' || c > '~' ? '?' : c;  // what a header field may hold (RFC 9110 section 5.5)
  return {{"Dashcap-Packets", std::to_string(stream.statistics().packets - left_out)},
          {"Dashcap-Bytes", std::to_string(stream.statistics().bytes)},
          {"Dashcap-Complete", missing.empty() ? "true" : "false"},
          {"Dashcap-Missing", text}};
}

void LogAnswer(const std::string& who, const PacketStream& stream, const std::string& end) {
  LogInfo("answer to {}: {} packets, {} bytes, {}", who, stream.statistics().packets, stream.statistics().bytes, end);
}

// Counts a query in as long as it lives.
class Slot {
 public:
  Slot(std::atomic<uint32_t>& count, uint32_t limit) : count_(count), taken_(count.fetch_add(1) < limit) {}
  ~Slot() { count_.fetch_sub(1); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool taken() const { return taken_; }

 private:
  std::atomic<uint32_t>& count_;
  const bool taken_;
};

}  // namespace

std::string ErrorBody(const std::string& message) { return Dump({{"error", {{"message", message}}}}); }

// A request that was let in.
struct QueryService::Call {
  const HttpRequest& request;
  Responder& responder;
  std::stop_token stop;
  std::string who;
  AnswerRequest answer;  // of a query
};

const std::vector<QueryService::Route>& QueryService::Routes() {
  static const std::vector<Route> routes = {
      {"/healthz", &QueryService::Health, false},       {"/api/v1/packets", &QueryService::Packets, true},
      {"/api/v1/count", &QueryService::Count, true},    {"/api/v1/explain", &QueryService::Explain, true},
      {"/api/v1/gaps", &QueryService::Gaps, true},      {"/api/v1/files", &QueryService::Files, false},
      {"/api/v1/status", &QueryService::Status, false},
  };
  return routes;
}

void QueryService::Handle(const HttpRequest& request, Responder& responder, std::stop_token stop) {
  const std::string_view path = PathOf(request.target);
  std::string who;
  if (path != "/healthz" && !Admit(request, responder, who)) return;
  const std::vector<Route>& routes = Routes();
  const auto route = std::find_if(routes.begin(), routes.end(), [path](const Route& r) { return path == r.path; });
  if (route == routes.end()) {
    std::vector<std::string> paths;
    for (const Route& known : routes) paths.emplace_back(known.path);
    return SendError(responder, kNotFound, fmt::format("no such path: {}; there are {}", path, fmt::join(paths, ", ")));
  }
  const bool allowed = request.method == "GET" || (route->is_query && request.method == "POST");
  if (!allowed) {
    const std::string methods = route->is_query ? "GET, POST" : "GET";
    return SendError(responder, kMethodNotAllowed, fmt::format("method {}: {} takes {}", request.method, path, methods),
                     {{"Allow", methods}});
  }
  const Call call{request, responder, std::move(stop), std::move(who), {}};
  if (route->is_query) return Query(*route, call);
  (this->*route->handler)(call);
}

bool QueryService::Admit(const HttpRequest& request, Responder& responder, std::string& who) const {
  who = request.peer;
  if (!request.needs_token) return true;
  const auto name = tokens_.NameOf(request.authorization);
  if (name) {
    who += " token " + *name;
    return true;
  }
  LogWarning("refused {}: {} {}: no valid bearer token", request.peer, request.method, PathOf(request.target));
  SendError(responder, kUnauthorized, "a bearer token is needed, and it must be one that the settings know",
            {{"WWW-Authenticate", "Bearer realm=\"dashcap\""}});
  return false;
}

void QueryService::Query(const Route& route, const Call& call) {
  auto parameters = ParametersOf(call.request);
  if (!parameters) return SendError(call.responder, kBadRequest, parameters.error().message);
  auto answer = ParseRequest(*parameters, Now());
  if (!answer) return SendError(call.responder, answer.error());
  const Slot slot(queries_, options_.max_concurrent_queries);
  if (!slot.taken()) {
    return SendError(call.responder, kUnavailable, "too many queries are running; try again in a moment",
                     {{"Retry-After", "1"}});
  }
  // The text of a query may hold anything; as ASCII JSON it is one line.
  LogInfo("query {} by {}: {}", route.path, call.who,
          Json(*parameters).dump(-1, ' ', true, Json::error_handler_t::replace));
  Call query = call;
  query.answer = std::move(*answer);
  (this->*route.handler)(query);
}

void QueryService::Health(const Call& call) { call.responder.Send(kOk, kText, "ok\n", {}); }

void QueryService::Packets(const Call& call) {
  auto stream = archive_.Search(call.answer.search, call.stop);
  if (!stream) return SendError(call.responder, stream.error());
  const auto writer = MakeAnswerWriter(call.answer.format, call.answer.query);
  auto next = (*stream)->Next();
  if (!next) return SendError(call.responder, next.error());

  call.responder.Begin(writer->content_type(),
                       {"Dashcap-Packets", "Dashcap-Bytes", "Dashcap-Complete", "Dashcap-Missing"});
  std::vector<uint8_t> buffer;
  writer->Begin(buffer);
  uint64_t left_out = 0;
  for (; next && *next; next = (*stream)->Next()) {
    if (!writer->Append(**next, (*stream)->interfaces(), buffer)) left_out++;
    if (buffer.size() < kSendAtOnce) continue;
    if (!call.responder.Write(buffer)) return LogAnswer(call.who, **stream, "the client went away");
    buffer.clear();
  }
  if (!next) {
    LogAnswer(call.who, **stream, "broke off: " + next.error().message);
    return call.responder.Break();
  }
  writer->End(**stream, left_out, buffer);
  if (!call.responder.Write(buffer)) return LogAnswer(call.who, **stream, "the client went away");
  call.responder.End(Trailers(**stream, left_out));
  LogAnswer(call.who, **stream, "sent");
}

void QueryService::Count(const Call& call) {
  auto count = archive_.Count(call.answer.search, call.stop);
  if (!count) return SendError(call.responder, count.error());
  call.responder.Send(kOk, kJson, CountReport(*count, call.answer.query), {});
}

void QueryService::Explain(const Call& call) {
  auto text = archive_.Explain(call.answer.search);
  if (!text) return SendError(call.responder, text.error());
  call.responder.Send(kOk, kText, *text, {});
}

void QueryService::Gaps(const Call& call) {
  auto gaps = archive_.Gaps(call.answer.search);
  if (!gaps) return SendError(call.responder, gaps.error());
  call.responder.Send(kOk, kJson, GapsReport(*gaps), {});
}

void QueryService::Files(const Call& call) {
  auto files = archive_.Files();
  if (!files) return SendError(call.responder, files.error());
  call.responder.Send(kOk, kJson, FilesReport(*files), {});
}

void QueryService::Status(const Call& call) {
  auto files = archive_.Files();
  if (!files) return SendError(call.responder, files.error());
  call.responder.Send(kOk, kJson, StatusReport(*files, ReadFile(options_.recorder_status_file)), {});
}

}  // namespace dashcap
