#include <algorithm>

#include "base/log.h"
#include "query/http/service.h"
#include "query/http/url.h"
#include "tests/fuzz/small_archive.h"
#include "tests/fuzz/target.h"

// An input is a request as the service gets it, in lines: method, target, content type, authorization, and the rest is
// the body. The first letter of the method in lower case: it came by TCP.
namespace dashcap {
namespace {

// Holds the service to the order of calls that Responder asks for.
class CheckedResponder final : public Responder {
 public:
  void Send(unsigned status, const std::string& content_type, const std::string& body,
            const HttpFields& fields) override {
    Require(state_ == State::kNothing, "one answer is given");
    state_ = State::kDone;
    Require(status == 200 || (status >= 400 && status < 600), "the status is one of an answer or an error");
    Require(status == 200 || (content_type == "application/json" && body.starts_with("{\"error\":")),
            "an error is told in JSON");
    CheckFields(fields);
    status_ = status;
  }
  void Begin(const std::string&, const std::vector<std::string>& trailers) override {
    Require(state_ == State::kNothing, "one answer is given");
    state_ = State::kBegun;
    announced_ = trailers;
    status_ = 200;
  }
  bool Write(std::span<const uint8_t>) override {
    Require(state_ == State::kBegun, "an answer is begun before it is written");
    return true;
  }
  void End(const HttpFields& trailers) override {
    Require(state_ == State::kBegun, "an answer is begun before it ends");
    state_ = State::kDone;
    CheckFields(trailers);
    for (const auto& [name, value] : trailers) {
      Require(std::find(announced_.begin(), announced_.end(), name) != announced_.end(), "trailers are announced");
    }
  }
  void Break() override { state_ = State::kDone; }

  bool done() const { return state_ == State::kDone; }
  unsigned status() const { return status_; }

 private:
  static void CheckFields(const HttpFields& fields) {
    for (const auto& [name, value] : fields) {
      Require(std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; }),
              "a field holds what a header may");
    }
  }

  enum class State { kNothing, kBegun, kDone } state_ = State::kNothing;
  unsigned status_ = 0;
  std::vector<std::string> announced_;
};

std::string TakeLine(std::string_view& text) {
  const std::string line(text.substr(0, text.find('\n')));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

void CheckForm(std::string_view text) {
  const auto form = ParseForm(text);
  if (!form) return;
  std::string encoded;
  for (const auto& [name, value] : *form) {
    encoded += (encoded.empty() ? "" : "&") + EncodeFormText(name) + "=" + EncodeFormText(value);
  }
  const auto again = ParseForm(encoded);
  Require(again && *again == *form, "a form that is encoded parses to the same");
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  return {
      "GET\n/healthz\n\n\n",
      "GET\n/api/v1/packets?q=udp+and+port+53&last=5m&format=pcapng\n\n\n",
      "GET\n/api/v1/packets?q=&format=json&limit_packets=2&limit_bytes=10\n\n\n",
      "GET\n/api/v1/packets?from=2023-11-14&to=2023-11-15T00:00:00Z\n\n\n",
      "POST\n/api/v1/count\napplication/x-www-form-urlencoded\n\nq=host+10.0.0.1&last=1h",
      "POST\n/api/v1/explain?format=pcap\ntext/plain\n\nhost 10.0.0.1 or vlan 7",
      "get\n/api/v1/files\n\nBearer " + std::string(kToken) + "\n",
      "get\n/api/v1/status\n\nBearer wrong\n",
      "DELETE\n/api/v1/packets\n\n\n",
      "GET\n/api/v1/packets?q=%zz&q=%41\n\n\n",
      "GET\n/api/v1/nothing?x=%00%ff\n\n\n",
  };
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  SetLogLevel(LogLevel::kError);
  static QueryService service(SmallArchive(), SmallTokens(), {});
  std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckForm(text);
  HttpRequest request;
  request.method = TakeLine(text);
  request.target = TakeLine(text);
  request.content_type = TakeLine(text);
  request.authorization = TakeLine(text);
  request.body = std::string(text);
  request.peer = "fuzz";
  if (!request.method.empty() && request.method[0] >= 'a' && request.method[0] <= 'z') {
    request.needs_token = true;
    std::transform(request.method.begin(), request.method.end(), request.method.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  }
  CheckedResponder responder;
  service.Handle(request, responder, {});
  Require(responder.done(), "every request is answered");
  const bool in_possession = request.authorization.find(kToken) != std::string::npos;
  const bool open_to_all = request.target == "/healthz" || request.target.starts_with("/healthz?");
  Require(!request.needs_token || in_possession || open_to_all || responder.status() == 401,
          "nobody gets in without a token");
  return 0;
}
