#include "query/cli/remote.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "query/http/url.h"

namespace dashcap {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using Socket = net::generic::stream_protocol::socket;

constexpr char kUnix[] = "unix:";
constexpr char kHttp[] = "http://";

struct Address {
  std::string host;
  std::string port;
  std::string path;  // of a Unix socket
};

Result<Address> ParseUrl(const std::string& url) {
  if (url.starts_with(kUnix)) return Address{"dashcap", "", url.substr(sizeof kUnix - 1)};
  if (!url.starts_with(kHttp))
    return Fail(ErrorKind::kInvalidInput, "url " + url + ": expected http://HOST:PORT or unix:/PATH");
  std::string rest = url.substr(sizeof kHttp - 1);
  while (!rest.empty() && rest.back() == '/') rest.pop_back();
  const size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
  Address address{rest.substr(0, has_port ? colon : rest.size()), has_port ? rest.substr(colon + 1) : "80", ""};
  if (address.host.size() > 2 && address.host.front() == '[')
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty() || address.host.find('/') != std::string::npos) {
    return Fail(ErrorKind::kInvalidInput, "url " + url + ": expected http://HOST:PORT or unix:/PATH");
  }
  return address;
}

Result<Socket> Connect(net::io_context& context, const Address& address, const std::string& url) {
  beast::error_code error;
  Socket socket(context);
  if (!address.path.empty()) {
    socket.connect(net::local::stream_protocol::endpoint(address.path), error);
  } else {
    net::ip::tcp::resolver resolver(context);
    const auto found = resolver.resolve(address.host, address.port, error);
    if (!error) {
      for (const auto& entry : found) {
        socket = Socket(context);
        socket.connect(net::generic::stream_protocol::endpoint(entry.endpoint()), error);
        if (!error) break;
      }
    }
  }
  if (error) return Fail(ErrorKind::kUnavailable, url + ": " + error.message());
  return socket;
}

Result<std::string> ReadToken(const Target& target) {
  if (target.token_file.empty()) {
    const char* token = std::getenv("DASHCAP_TOKEN");
    return std::string(token ? token : "");
  }
  std::ifstream file(target.token_file);
  std::string token;
  if (!std::getline(file, token))
    return Fail(ErrorKind::kNotFound, "token file " + target.token_file + ": no token in it");
  return token;
}

std::string FormOf(const std::map<std::string, std::string>& parameters) {
  std::string form;
  for (const auto& [name, value] : parameters) {
    form += (form.empty() ? "" : "&") + EncodeFormText(name) + "=" + EncodeFormText(value);
  }
  return form;
}

// The message of an error body, which is JSON from us and anything from others.
std::string MessageOf(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object())
    return json["error"].value("message", body);
  return body;
}

// One request and its answer, the body handed out piece by piece.
class Exchange {
 public:
  Exchange(Socket socket, std::string url) : socket_(std::move(socket)), url_(std::move(url)) {
    parser_.body_limit(std::numeric_limits<uint64_t>::max());
  }

  Status Send(const std::string& host, const std::string& path, const std::string& form, const std::string& token) {
    http::request<http::string_body> request(form.empty() ? http::verb::get : http::verb::post, path, 11);
    request.set(http::field::host, host);
    request.set(http::field::user_agent, "dashcap " DASHCAP_VERSION);
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    if (!form.empty()) request.set(http::field::content_type, "application/x-www-form-urlencoded");
    request.body() = form;
    request.prepare_payload();
    beast::error_code error;
    http::write(socket_, request, error);
    if (!error) http::read_header(socket_, buffer_, parser_, error);
    return Judge(error);
  }

  unsigned status() const { return parser_.get().result_int(); }
  std::string Field(const std::string& name) const { return std::string(parser_.get()[name]); }

  // The next piece; empty at the end. An answer without its end is an error.
  Result<std::span<const uint8_t>> Next() {
    while (!parser_.is_done()) {
      auto& body = parser_.get().body();
      body.data = piece_.data();
      body.size = piece_.size();
      beast::error_code error;
      http::read(socket_, buffer_, parser_, error);
      if (error == http::error::need_buffer) error = {};
      if (Status status = Judge(error); !status) return Fail(status.error());
      const size_t size = piece_.size() - body.size;
      if (size > 0) return std::span<const uint8_t>(piece_.data(), size);
    }
    return std::span<const uint8_t>{};
  }

 private:
  Status Judge(beast::error_code error) const {
    if (!error) return {};
    if (error == http::error::partial_message || error == http::error::end_of_stream) {
      return Fail(ErrorKind::kUnavailable, url_ + ": the answer broke off");
    }
    return Fail(ErrorKind::kUnavailable, url_ + ": " + error.message());
  }

  Socket socket_;
  const std::string url_;
  beast::flat_buffer buffer_;
  http::response_parser<http::buffer_body> parser_;
  std::vector<uint8_t> piece_ = std::vector<uint8_t>(256 * 1024);
};

int ReportRefusal(Exchange& exchange) {
  std::string body;
  while (true) {
    auto piece = exchange.Next();
    if (!piece || piece->empty()) break;
    body.append(piece->begin(), piece->end());
  }
  return Complain(MessageOf(body), exchange.status() == 400 ? kUsage : kFailed);
}

int Receive(Exchange& exchange, Output& output) {
  while (true) {
    auto piece = exchange.Next();
    if (!piece) return Complain(piece.error().message);
    if (piece->empty()) break;
    if (Status written = output.Write(*piece); !written) return Complain(written.error().message);
  }
  if (Status closed = output.Close(); !closed) return Complain(closed.error().message);
  const std::string missing = exchange.Field("Dashcap-Missing");
  if (!missing.empty()) fmt::print(stderr, "dashcap: missing: {}\n", missing);
  return kDone;
}

}  // namespace

int FetchRemote(const Target& target, const std::string& path, const std::map<std::string, std::string>& parameters,
                Output& output) {
  const auto address = ParseUrl(target.url);
  if (!address) return Complain(address.error().message, kUsage);
  const auto token = ReadToken(target);
  if (!token) return Complain(token.error().message);
  net::io_context context;
  auto socket = Connect(context, *address, target.url);
  if (!socket) return Complain(socket.error().message);
  Exchange exchange(std::move(*socket), target.url);
  if (Status sent = exchange.Send(address->host, path, FormOf(parameters), *token); !sent)
    return Complain(sent.error().message);
  if (exchange.status() != 200) return ReportRefusal(exchange);
  return Receive(exchange, output);
}

int PrintRemote(const Target& target, const std::string& path, const std::map<std::string, std::string>& parameters) {
  auto output = Output::Open("", false);
  if (!output) return Complain(output.error().message);
  return FetchRemote(target, path, parameters, *output);
}

}  // namespace dashcap
