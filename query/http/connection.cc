#include "query/http/connection.h"

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <utility>

namespace dashcap {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using Protocol = net::generic::stream_protocol;

constexpr uint64_t kMaxBody = 1 << 20;
constexpr uint32_t kMaxHeader = 16 * 1024;
constexpr auto kRequestTimeout = std::chrono::seconds(60);
constexpr auto kWriteTimeout = std::chrono::seconds(60);  // for one piece, so a client may be as slow as that

int FamilyOf(int fd) {
  int family = AF_UNIX;
  socklen_t size = sizeof family;
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

// A stream whose operations wait for their end, with a timeout. Beast has timeouts for asynchronous operations only, so
// each is started as one and the thread runs nothing else meanwhile.
class Stream {
 public:
  explicit Stream(FileDescriptor socket) : stream_(context_), owner_(std::move(socket)) {
    beast::error_code error;
    const int copy = ::dup(owner_.get());
    stream_.socket().assign(Protocol(FamilyOf(copy), 0), copy, error);
  }

  // `start` gets the handler for an asynchronous operation on stream().
  template <class Start>
  beast::error_code Wait(std::chrono::seconds timeout, Start start) {
    beast::error_code result = net::error::operation_aborted;
    stream_.expires_after(timeout);
    start([&result](beast::error_code error, size_t) { result = error; });
    context_.restart();
    context_.run();
    return result;
  }

  beast::basic_stream<Protocol>& stream() { return stream_; }
  void Shutdown() { ::shutdown(owner_.get(), SHUT_RDWR); }

 private:
  net::io_context context_{1};
  beast::basic_stream<Protocol> stream_;
  FileDescriptor owner_;
};

class HttpResponder final : public Responder {
 public:
  HttpResponder(Stream& stream, unsigned version, bool keep_alive)
      : stream_(stream), version_(version), keep_alive_(keep_alive) {}

  // Whether another request may follow.
  bool keep_alive() const { return keep_alive_ && finished_; }

  void Send(unsigned status, const std::string& content_type, const std::string& body,
            const HttpFields& fields) override {
    http::response<http::string_body> response(static_cast<http::status>(status), version_);
    SetFields(response, content_type);
    for (const auto& [name, value] : fields) response.set(name, value);
    response.body() = body;
    response.prepare_payload();
    const auto error = stream_.Wait(
        kWriteTimeout, [&](auto handler) { http::async_write(stream_.stream(), response, std::move(handler)); });
    finished_ = !error;
  }

  void Begin(const std::string& content_type, const std::vector<std::string>& trailers) override {
    http::response<http::empty_body> response(http::status::ok, version_);
    SetFields(response, content_type);
    if (IsChunked()) {
      response.chunked(true);
      std::string names;
      for (const std::string& name : trailers) names += (names.empty() ? "" : ", ") + name;
      response.set(http::field::trailer, names);
    } else {
      response.keep_alive(false);
    }
    http::response_serializer<http::empty_body> serializer(response);
    const auto error = stream_.Wait(kWriteTimeout, [&](auto handler) {
      http::async_write_header(stream_.stream(), serializer, std::move(handler));
    });
    failed_ = static_cast<bool>(error);
  }

  bool Write(std::span<const uint8_t> bytes) override {
    if (bytes.empty() || failed_) return !failed_;
    const net::const_buffer buffer(bytes.data(), bytes.size());
    const auto error = stream_.Wait(kWriteTimeout, [&](auto handler) {
      if (IsChunked()) {
        net::async_write(stream_.stream(), http::make_chunk(buffer), std::move(handler));
      } else {
        net::async_write(stream_.stream(), buffer, std::move(handler));
      }
    });
    failed_ = static_cast<bool>(error);
    return !failed_;
  }

  void End(const HttpFields& trailers) override {
    if (!IsChunked() || failed_) return;
    http::fields fields;
    for (const auto& [name, value] : trailers) fields.set(name, value);
    const auto error = stream_.Wait(kWriteTimeout, [&](auto handler) {
      net::async_write(stream_.stream(), http::make_chunk_last(fields), std::move(handler));
    });
    finished_ = !error;
  }

  // Without the last chunk a client sees that something is missing.
  void Break() override { failed_ = true; }

 private:
  bool IsChunked() const { return version_ >= 11; }

  template <class Response>
  void SetFields(Response& response, const std::string& content_type) {
    response.set(http::field::server, "dashcap");
    response.set(http::field::content_type, content_type);
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(keep_alive_);
  }

  Stream& stream_;
  const unsigned version_;
  const bool keep_alive_;
  bool failed_ = false;
  bool finished_ = false;
};

void RefuseRequest(Stream& stream, beast::error_code error) {
  HttpResponder responder(stream, 11, false);
  if (error == http::error::body_limit) {
    responder.Send(413, "application/json", ErrorBody("the body is longer than " + std::to_string(kMaxBody) + " bytes"),
                   {});
  } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    responder.Send(431, "application/json",
                   ErrorBody("the header is longer than " + std::to_string(kMaxHeader) + " bytes"), {});
  } else {
    responder.Send(400, "application/json", ErrorBody("not an HTTP request: " + error.message()), {});
  }
}

bool IsRequestError(beast::error_code error) {
  return error && error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

HttpRequest Translate(http::request<http::string_body>&& from, bool needs_token, const std::string& peer) {
  HttpRequest request;
  request.method = std::string(from.method_string());
  request.target = std::string(from.target());
  request.content_type = std::string(from[http::field::content_type]);
  request.authorization = std::string(from[http::field::authorization]);
  request.body = std::move(from.body());
  request.peer = peer;
  request.needs_token = needs_token;
  return request;
}

}  // namespace

void ServeConnection(FileDescriptor socket, bool needs_token, const std::string& peer, QueryService& service,
                     std::stop_token stop) {
  Stream stream(std::move(socket));
  beast::flat_buffer buffer(kMaxHeader + kMaxBody);
  bool more = true;
  while (more && !stop.stop_requested()) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kMaxBody);
    parser.header_limit(kMaxHeader);
    const auto error = stream.Wait(
        kRequestTimeout, [&](auto handler) { http::async_read(stream.stream(), buffer, parser, std::move(handler)); });
    if (IsRequestError(error)) RefuseRequest(stream, error);
    if (error) break;
    HttpResponder responder(stream, parser.get().version(), parser.get().keep_alive());
    service.Handle(Translate(parser.release(), needs_token, peer), responder, stop);
    more = responder.keep_alive();
  }
  stream.Shutdown();
}

}  // namespace dashcap
